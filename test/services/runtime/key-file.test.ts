import assert from 'node:assert/strict'
import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto'
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'

import { KeyFileError, createKeyFile, loadKeyFile } from '../../../services/runtime/key-file.ts'

async function aFile(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'affidavit-key-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  return join(directory, 'signing.key')
}

test('a key that was made is loaded again, and its signatures verify', async (t) => {
  const file = await aFile(t)
  const made = await createKeyFile(file)
  const loaded = await loadKeyFile(file)
  assert.deepEqual(loaded.publicKey, made.publicKey)
  assert.equal((await stat(file)).mode & 0o777, 0o600)
  const message = Buffer.from('a message')
  assert.deepEqual(loaded.sign(message), made.sign(message))
  const key = createPublicKey({
    key: Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), loaded.publicKey]),
    format: 'der',
    type: 'spki',
  })
  assert.ok(verify(null, message, key, loaded.sign(message)))
})

test('a file that others can read is refused', async (t) => {
  const file = await aFile(t)
  await createKeyFile(file)
  for (const mode of [0o640, 0o604, 0o620, 0o601]) {
    await chmod(file, mode)
    await assert.rejects(loadKeyFile(file), { code: 'KEY_FILE_MODE' })
  }
})

test('a key file is never replaced', async (t) => {
  const file = await aFile(t)
  await createKeyFile(file)
  const before = await readFile(file)
  await assert.rejects(createKeyFile(file), { code: 'KEY_FILE_EXISTS' })
  assert.deepEqual(await readFile(file), before)
})

test('a missing file, another kind of key and no key at all are told apart, and nothing of the file is quoted', async (t) => {
  const file = await aFile(t)
  await assert.rejects(loadKeyFile(file), { code: 'KEY_FILE_MISSING' })
  await writeFile(file, 'hunter2', { mode: 0o600 })
  await assert.rejects(loadKeyFile(file), (error: Error) => {
    assert.ok(error instanceof KeyFileError && error.code === 'KEY_FILE_INVALID')
    assert.doesNotMatch(`${error.message} ${String(error.cause)}`, /hunter2/)
    return true
  })
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  await writeFile(file, privateKey.export({ type: 'pkcs8', format: 'pem' }))
  await assert.rejects(loadKeyFile(file), { code: 'KEY_FILE_INVALID', message: /another kind/ })
})
