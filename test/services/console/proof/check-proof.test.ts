import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'

import fc from 'fast-check'

import { checkProof } from '../../../../services/console/src/proof/check-proof.ts'
import type {
  Check,
  ClaimedPayload,
  ClaimedProof,
} from '../../../../services/console/src/proof/check-proof.ts'
import { signCheckpoint } from '../../../../services/ledger/proof/checkpoint.ts'
import { leafHash, nodeHash } from '../../../../services/ledger/proof/hash.ts'
import { inclusionPath } from '../../../../services/ledger/proof/inclusion.ts'
import { ed25519Signer } from '../../../../services/ledger/proof/note.ts'
import { rangeHash } from '../../../../services/ledger/proof/range.ts'

// What the console computes in the browser, against proofs that the ledger made.

const signer = ed25519Signer('ledger.example/test/log', Buffer.alloc(32, 7))
const salt = Buffer.alloc(32, 9)
const statement = 'DROP TABLE shop.customers'
const payload = Buffer.concat([Buffer.of(0, 0, 0, 0, 1, 50), Buffer.from(statement)])
const claimedPayload: ClaimedPayload = {
  saltBase64: salt.toString('base64'),
  payloadBase64: payload.toString('base64'),
  statement,
}

test('the browser accepts the proof of every entry of a log', async () => {
  for (const size of [1, 2, 3, 7, 8, 9, 31]) {
    for (let position = 0; position < size; position += 1) {
      const checks = await checkProof(await proofOf(position, size), claimedPayload)
      assert.deepEqual(
        resultsOf(checks),
        Array.from({ length: 7 }, () => 'holds'),
      )
    }
  }
})

test('the browser refuses a proof in which any one byte was changed', async () => {
  const proof = await proofOf(5, 13)
  const parts = ['leafBase64', 'leafHash', 'path', 'checkpoint', 'vkey'] as const
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...parts),
      fc.nat(),
      fc.integer({ min: 1, max: 127 }),
      async (part, where, change) => {
        const changed = { ...proof, [part]: changedPart(proof[part], where, change) }
        if (JSON.stringify(changed) === JSON.stringify(proof)) return
        const checks = await checkProof(changed, claimedPayload)
        assert.equal(resultsOf(checks).at(-1), 'fails')
      },
    ),
    { numRuns: 1000 },
  )
})

test('the browser refuses a checkpoint whose lines end otherwise than with a line feed', async () => {
  const proof = await proofOf(5, 13)
  const { checkpoint } = proof
  for (const changed of [
    checkpoint.replace(/\n$/, '\r'),
    checkpoint.replace(/\n$/, '\r\n'),
    checkpoint.replace(/\n$/, ''),
    `${checkpoint}\n`,
    `${checkpoint}more\n`,
  ]) {
    const checks = await checkProof({ ...proof, checkpoint: changed }, claimedPayload)
    assert.equal(resultsOf(checks).at(-1), 'fails', JSON.stringify(changed.slice(-8)))
  }
})

test('the browser refuses a proof that is shown at another position or log', async () => {
  const proof = await proofOf(5, 13)
  for (const other of [{ position: 4 }, { log: 'ledger.example/test/other' }]) {
    const checks = await checkProof({ ...proof, ...other }, claimedPayload)
    assert.deepEqual(resultsOf(checks), ['fails'])
  }
})

test('the browser refuses a path that is too short or too long', async () => {
  const proof = await proofOf(5, 13)
  for (const path of [proof.path.slice(1), [...proof.path, proof.path[0] ?? '']]) {
    const checks = await checkProof({ ...proof, path }, claimedPayload)
    assert.equal(checks.at(-1)?.what, 'The path leads from the leaf to the root of the checkpoint')
    assert.equal(checks.at(-1)?.result, 'fails')
  }
})

test('the browser refuses a payload or a statement that the leaf does not commit to', async () => {
  const proof = await proofOf(5, 13)
  const other = Buffer.from(payload)
  other[8] = 0
  const altered = await checkProof(proof, {
    ...claimedPayload,
    payloadBase64: other.toString('base64'),
  })
  assert.equal(altered.at(-1)?.what, 'The leaf commits to the payload')
  assert.equal(altered.at(-1)?.result, 'fails')
  const reworded = await checkProof(proof, { ...claimedPayload, statement: 'SELECT 1' })
  assert.equal(reworded.at(-1)?.what, 'The statement shown is in the payload, byte for byte')
  assert.equal(reworded.at(-1)?.result, 'fails')
})

test('the proof of an entry whose payload was erased holds, and says what was not checked', async () => {
  const checks = await checkProof(await proofOf(5, 13), null)
  assert.deepEqual(resultsOf(checks).at(-1), 'not_checked')
  assert.ok(resultsOf(checks.slice(0, -1)).every((result) => result === 'holds'))
})

async function proofOf(position: number, size: number): Promise<ClaimedProof> {
  const leaves = Array.from({ length: size }, (_, seq) => leafOf(seq))
  const read = (level: number, index: number): Buffer => {
    if (level === 0) return leafHash(leaves[index] ?? Buffer.alloc(0))
    return nodeHash(read(level - 1, index * 2), read(level - 1, index * 2 + 1))
  }
  const root = await rangeHash(0, size, read)
  const leaf = leafOf(position)
  return {
    log: signer.name,
    position,
    leafBase64: leaf.toString('base64'),
    leafHash: leafHash(leaf).toString('base64'),
    path: (await inclusionPath(position, size, read)).map((hash) => hash.toString('base64')),
    checkpoint: await signCheckpoint({ origin: signer.name, size, root }, signer),
    vkey: signer.vkey,
  }
}

function leafOf(seq: number): Buffer {
  const com = createHash('sha256').update(Buffer.of(0x10)).update(salt).update(payload)
  return Buffer.from(
    JSON.stringify({ com: com.digest('base64'), log: signer.name, seq, type: 'event', v: 1 }),
  )
}

/** One character exchanged for another printable one. */
function changedPart(
  part: string | readonly string[],
  where: number,
  change: number,
): string | readonly string[] {
  if (typeof part !== 'string') {
    const at = where % part.length
    return part.map((each, index) => (index === at ? changedText(each, where, change) : each))
  }
  return changedText(part, where, change)
}

function changedText(text: string, where: number, change: number): string {
  const at = where % text.length
  const code = 33 + ((text.charCodeAt(at) - 33 + change) % 94)
  return text.slice(0, at) + String.fromCharCode(Math.abs(code)) + text.slice(at + 1)
}

function resultsOf(checks: readonly Check[]): readonly string[] {
  return checks.map(({ result }) => result)
}
