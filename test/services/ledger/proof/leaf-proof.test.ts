import assert from 'node:assert/strict'
import { test } from 'node:test'

import { encodeLeaf } from '../../../../schemas/leaf.ts'
import { signCheckpoint } from '../../../../services/ledger/proof/checkpoint.ts'
import { leafHash } from '../../../../services/ledger/proof/hash.ts'
import { verifyLeafProof } from '../../../../services/ledger/proof/leaf-proof.ts'
import { ed25519Signer } from '../../../../services/ledger/proof/note.ts'
import type { TlogProof } from '../../../../services/ledger/proof/tlog-proof.ts'

const signer = ed25519Signer('ledger.example.com/test/log', Buffer.alloc(32, 7))

function entryOf(log: string, seq: number): Buffer {
  return encodeLeaf({
    v: 1,
    type: 'loss',
    log,
    seq,
    prev: Buffer.alloc(32).toString('base64'),
    rt: '2026-11-25T12:00:00.000000Z',
    topic: 'audit.events',
    part: 0,
    from: 1,
    to: 2,
    reason: 'retention',
  })
}

/** A log of one entry, whatever the entry says. */
async function proofOf(entry: Buffer): Promise<TlogProof> {
  const checkpoint = { origin: signer.name, size: 1, root: leafHash(entry) }
  return { index: 0, path: [], checkpoint: await signCheckpoint(checkpoint, signer) }
}

test('a proven leaf is returned with the checkpoint that covers it', async () => {
  const entry = entryOf(signer.name, 0)
  const { leaf, checkpoint } = verifyLeafProof(await proofOf(entry), entry, signer.vkey)
  assert.equal(leaf.seq, 0)
  assert.equal(checkpoint.size, 1)
})

test('a leaf of another log or position is refused, though the hashes fit', async () => {
  for (const entry of [entryOf('another', 0), entryOf(signer.name, 1)]) {
    const proof = await proofOf(entry)
    assert.throws(() => verifyLeafProof(proof, entry, signer.vkey), { code: 'PROOF_LEAF_DIFFERS' })
  }
})

test('an entry that is no leaf is refused, though the hashes fit', async () => {
  const spaced = Buffer.from(entryOf(signer.name, 0).toString().replace(':', ': '))
  for (const entry of [Buffer.from('{}'), Buffer.from('text'), Buffer.from('null'), spaced]) {
    const proof = await proofOf(entry)
    assert.throws(() => verifyLeafProof(proof, entry, signer.vkey), { code: 'PROOF_LEAF_DIFFERS' })
  }
})
