import assert from 'node:assert/strict'
import { appendFile, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'

import * as fc from 'fast-check'

import { FileCheckpointStore } from '../../../../../services/ledger/adapters/files/file-checkpoint-store.ts'
import type { SignedHead } from '../../../../../services/ledger/storage/head-register.ts'
import { aDirectory } from '../../../../support/a-ledger.ts'

function aHead(size: number, signedAtMs: number): SignedHead {
  return { size, root: Buffer.alloc(32, size), checkpoint: `note of ${size}\n\n— x`, signedAtMs }
}

async function allOf(store: FileCheckpointStore): Promise<SignedHead[]> {
  const heads: SignedHead[] = []
  for await (const head of store.all()) heads.push(head)
  return heads
}

test('heads are found by the time they were signed', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(5), { maxLength: 12 }), async (steps) => {
      const store = new FileCheckpointStore(await aDirectory(t))
      const heads: SignedHead[] = []
      let at = 10
      for (const step of steps) {
        at += step
        heads.push(aHead(heads.length + 1, at))
        await store.append(heads.at(-1) ?? aHead(0, 0))
      }
      for (let asked = 0; asked <= at + 1; asked++) {
        const first = heads.find(({ signedAtMs }) => signedAtMs >= asked)?.signedAtMs
        const expected = heads.findLast(({ signedAtMs }) => signedAtMs === first) ?? null
        assert.deepEqual(await store.firstSignedFrom(asked), expected)
      }
      assert.deepEqual(await store.latest(), heads.at(-1) ?? null)
      assert.deepEqual(await allOf(store), heads)
    }),
    { numRuns: 20 },
  )
})

test('a line that was cut short does not count and is written over', async (t) => {
  const directory = await aDirectory(t)
  const store = new FileCheckpointStore(directory)
  await store.append(aHead(1, 10))
  await appendFile(join(directory, 'checkpoints.log'), '{"at":20,"size":2,"ro')
  assert.deepEqual(await store.latest(), aHead(1, 10))
  assert.equal(await store.firstSignedFrom(15), null)
  await store.append(aHead(3, 30))
  assert.deepEqual(await allOf(store), [aHead(1, 10), aHead(3, 30)])
})

test('a changed line is refused', async (t) => {
  const directory = await aDirectory(t)
  const store = new FileCheckpointStore(directory)
  await store.append(aHead(1, 10))
  await appendFile(join(directory, 'checkpoints.log'), 'no head\n')
  await assert.rejects(store.latest(), { code: 'LEDGER_CORRUPT' })
  await assert.rejects(allOf(store), { code: 'LEDGER_CORRUPT' })
})

test('the published note is replaced as a whole', async (t) => {
  const directory = await aDirectory(t)
  const store = new FileCheckpointStore(directory)
  assert.equal(await store.published(), null)
  await store.publish('first')
  await store.publish('second')
  assert.equal(await store.published(), 'second')
  assert.equal(await readFile(join(directory, 'checkpoint'), 'utf8'), 'second')
})
