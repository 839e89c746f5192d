import assert from 'node:assert/strict'
import { createSecretKey, randomBytes } from 'node:crypto'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'

import { FilePayloadStore } from '../../../../../services/ledger/adapters/files/file-payload-store.ts'
import {
  sealHere,
  SealThread,
} from '../../../../../services/ledger/adapters/files/payload-sealing.ts'
import type {
  PayloadSealing,
  PlainRecords,
} from '../../../../../services/ledger/adapters/files/payload-sealing.ts'
import type { NewPayload } from '../../../../../services/ledger/storage/payload-store.ts'
import { aDirectory } from '../../../../support/a-ledger.ts'

async function aStore(directory: string, seal: PayloadSealing): Promise<FilePayloadStore> {
  await mkdir(directory)
  await writeFile(join(directory, 'data-keys'), '')
  const kek = createSecretKey(randomBytes(32))
  return FilePayloadStore.open({ directory, origin: 'log', kek, isWritable: true, seal })
}

function payloadsFrom(position: number, count: number, bytes: number): NewPayload[] {
  return Array.from({ length: count }, (_, at) => {
    const subject = `session-${at >> 2}`
    const [salt, key, value] = [randomBytes(32), Buffer.from(subject), randomBytes(bytes)]
    return { position: position + at, subject, salt, key, value }
  })
}

test('the thread makes of records what is made of them here', async () => {
  await using thread = new SealThread()
  const keys = [createSecretKey(randomBytes(32)), createSecretKey(randomBytes(32))]
  const plain = randomBytes(48 * 1024)
  const places = [0, 20_000, 1, 20_000, 20_100, 0, 20_100, 48 * 1024, 1]
  const records = (): PlainRecords => {
    const bytes = Buffer.allocUnsafeSlow(plain.length)
    plain.copy(bytes)
    return { bytes, places, keys }
  }
  const given = records()
  const sealed = await thread.seal(given)
  assert.equal(given.bytes.length, 0, 'they were moved to the thread')
  assert.deepEqual(sealed, sealHere(records()))
  assert.notDeepEqual(sealed, plain)
})

test('payloads that the thread sealed are read again, and are gone once they are erased', async (t) => {
  await using thread = new SealThread()
  let moved = 0
  await using store = await aStore(join(await aDirectory(t), 'payload'), async (records) => {
    const sealed = await thread.seal(records)
    if (records.bytes.length === 0) moved += 1
    return sealed
  })
  // Some too few for the thread, some for which the bytes that come back are enough, some for which they are not.
  const sizes = [3, 100, 80, 1, 400]
  const payloads: NewPayload[] = []
  for (const count of sizes) {
    const more = payloadsFrom(payloads.length, count, 1000)
    await store.put(more)
    payloads.push(...more)
  }
  assert.equal(moved, 3)
  assert.equal(await store.erase('session-0'), true)
  const found = await store.get(0, payloads.length)
  assert.equal(found.size, payloads.length)
  for (const { position, subject, salt, key, value } of payloads) {
    const expected = subject === 'session-0' ? null : { salt, key, value }
    assert.deepEqual(found.get(position), expected)
  }
})

test('when they cannot be sealed nothing is stored, and the store takes no more', async (t) => {
  const directory = join(await aDirectory(t), 'payload')
  await using thread = new SealThread()
  await using store = await aStore(directory, (records) => thread.seal({ ...records, keys: [] }))
  for (let attempt = 0; attempt < 2; attempt += 1) {
    await assert.rejects(store.put(payloadsFrom(0, 100, 1000)), { code: 'LEDGER_WRITE_FAILED' })
  }
  for (const name of await readdir(directory)) {
    if (name.endsWith('.enc')) assert.equal((await readFile(join(directory, name))).length, 0)
  }
})

test('a thread that was ended takes no more', async () => {
  const thread = new SealThread()
  await thread[Symbol.asyncDispose]()
  const bytes = Buffer.allocUnsafeSlow(64 * 1024)
  const keys = [createSecretKey(randomBytes(32))]
  const sealing = thread.seal({ bytes, places: [0, bytes.length, 0], keys })
  await assert.rejects(async () => sealing, /closed/)
})
