import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'

import fc from 'fast-check'

import {
  completenessProof,
  verifyCompleteness,
} from '../../../../services/ledger/proof/completeness.ts'
import {
  consistencyPath,
  verifyConsistency,
} from '../../../../services/ledger/proof/consistency.ts'
import { ProofError } from '../../../../services/ledger/proof/error.ts'
import { emptyRoot, leafHash, nodeHash } from '../../../../services/ledger/proof/hash.ts'
import { inclusionPath, verifyInclusion } from '../../../../services/ledger/proof/inclusion.ts'
import { heightOf } from '../../../../services/ledger/proof/range.ts'
import { MerkleTree } from '../../../../services/ledger/proof/tree.ts'
import vectors from '../../../vectors/merkle.json' with { type: 'json' }

/** A tree with all its complete subtrees, as a store would keep them. */
function grown(size: number): {
  leaves: Buffer[]
  root: Buffer
  read: (level: number, index: number) => Buffer
} {
  const tree = new MerkleTree()
  const levels: Buffer[][] = []
  const leaves: Buffer[] = []
  for (let at = 0; at < size; at += 1) {
    const leaf = leafHash(Buffer.from(`entry ${at}`))
    leaves.push(leaf)
    tree.append(leaf, (level, index, hash) => {
      const row = (levels[level] ??= [])
      assert.equal(row.length, index)
      row.push(Buffer.from(hash))
    })
  }
  return {
    leaves,
    root: tree.root(),
    read: (level, index) => {
      const hash = levels[level]?.[index]
      assert.ok(hash !== undefined, `no complete subtree ${level}/${index}`)
      return hash
    },
  }
}

/** The definition of RFC 6962 §2.1, word for word. */
function definedRoot(leaves: readonly Buffer[]): Buffer {
  if (leaves.length === 0) return emptyRoot
  const [only] = leaves
  if (leaves.length === 1 && only !== undefined) return only
  let power = 1
  while (power * 2 < leaves.length) power *= 2
  return nodeHash(definedRoot(leaves.slice(0, power)), definedRoot(leaves.slice(power)))
}

test('hashes are those of RFC 6962', () => {
  assert.equal(emptyRoot.toString('hex'), vectors.emptyRoot)
  for (const { entry, hash } of vectors.leafHashes) {
    assert.equal(leafHash(Buffer.from(entry)).toString('hex'), hash)
  }
  const [left, right] = [leafHash(Buffer.of(1)), leafHash(Buffer.of(2))]
  const node = createHash('sha256').update(Buffer.of(1)).update(left).update(right).digest()
  assert.deepEqual(nodeHash(left, right), node)
})

test('the reference tree of Certificate Transparency has the published roots', () => {
  const tree = new MerkleTree()
  for (const [at, hex] of vectors.referenceTree.leavesHex.entries()) {
    tree.append(leafHash(Buffer.from(hex, 'hex')))
    const published = vectors.referenceTree.roots.find(({ size }) => size === at + 1)
    if (published !== undefined) assert.equal(tree.root().toString('hex'), published.root)
  }
  assert.equal(tree.size, 8)
})

test('the root of every size up to 300, and around powers of two, is as defined', () => {
  const leaves: Buffer[] = []
  const tree = new MerkleTree()
  for (let size = 0; size <= 4097; size += 1) {
    if (size <= 300 || [511, 512, 513, 1023, 1024, 4095, 4096, 4097].includes(size)) {
      assert.deepEqual(tree.root(), definedRoot(leaves), `size ${size}`)
    }
    const leaf = leafHash(Buffer.from(`entry ${size}`))
    leaves.push(leaf)
    tree.append(leaf)
  }
})

test('a tree goes on from the roots of its subtrees', () => {
  for (let size = 0; size <= 70; size += 1) {
    const tree = new MerkleTree()
    for (let at = 0; at < size; at += 1) tree.append(leafHash(Buffer.from(`entry ${at}`)))
    const again = MerkleTree.ofRoots(size, tree.roots())
    const next = leafHash(Buffer.from('next'))
    tree.append(next)
    again.append(next)
    assert.deepEqual(again.root(), tree.root())
  }
})

test('every inclusion proof of every tree up to 64 leaves holds, and for that leaf only', async () => {
  for (let size = 1; size <= 64; size += 1) {
    const { leaves, read, root } = grown(size)
    for (let index = 0; index < size; index += 1) {
      const path = await inclusionPath(index, size, read)
      verifyInclusion(leaves[index]!, index, size, path, root)
      const other = (index + 1) % size
      if (other !== index) {
        assert.throws(() => verifyInclusion(leaves[other]!, index, size, path, root), ProofError)
        assert.throws(() => verifyInclusion(leaves[index]!, other, size, path, root), ProofError)
      }
      assert.throws(
        () => verifyInclusion(leaves[index]!, index, size, [...path, root], root),
        ProofError,
      )
      if (path.length > 0) {
        assert.throws(
          () => verifyInclusion(leaves[index]!, index, size, path.slice(1), root),
          ProofError,
        )
      }
    }
  }
})

test('every consistency proof of every pair of sizes up to 64 holds, and for these roots only', async () => {
  const roots = Array.from({ length: 65 }, (_, size) => grown(size).root)
  for (let newSize = 1; newSize <= 64; newSize += 1) {
    const { read } = grown(newSize)
    for (let oldSize = 1; oldSize <= newSize; oldSize += 1) {
      const path = await consistencyPath(oldSize, newSize, read)
      verifyConsistency(oldSize, newSize, roots[oldSize]!, roots[newSize]!, path)
      assert.throws(
        () => verifyConsistency(oldSize, newSize, roots[oldSize - 1]!, roots[newSize]!, path),
        ProofError,
      )
      assert.throws(
        () => verifyConsistency(oldSize, newSize, roots[oldSize]!, roots[newSize - 1]!, path),
        ProofError,
      )
    }
  }
})

test('there is no consistency proof from an empty tree', async () => {
  await assert.rejects(consistencyPath(0, 5, grown(5).read), { code: 'PROOF_INPUT_INVALID' })
  assert.throws(() => verifyConsistency(0, 5, emptyRoot, grown(5).root, []), {
    code: 'PROOF_CONSISTENCY_FAILED',
  })
})

test('a changed bit anywhere in a proof is found', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 2, max: 300 }),
      fc.nat(),
      fc.nat(),
      async (size, pick, bit) => {
        const { leaves, read, root } = grown(size)
        const index = pick % size
        const path = await inclusionPath(index, size, read)
        const bytes = Buffer.concat([leaves[index]!, ...path, root])
        const at = bit % (bytes.length * 8)
        bytes[at >> 3]! ^= 1 << (at & 7)
        const hashes = Array.from({ length: bytes.length / 32 }, (_, each) =>
          bytes.subarray(each * 32, each * 32 + 32),
        )
        assert.throws(
          () => verifyInclusion(hashes[0]!, index, size, hashes.slice(1, -1), hashes.at(-1)!),
          ProofError,
        )
      },
    ),
    { numRuns: 60 },
  )
})

test('every window of every tree up to 24 leaves is shown to be whole; a left-out leaf is found', async () => {
  for (let size = 1; size <= 24; size += 1) {
    const { leaves, read, root } = grown(size)
    for (let from = 0; from < size; from += 1) {
      for (let to = from + 1; to <= size; to += 1) {
        const proof = await completenessProof(from, to, size, read)
        const window = leaves.slice(from, to)
        verifyCompleteness(proof, window, root)
        assert.throws(() => verifyCompleteness(proof, window.slice(1), root), ProofError)
        if (window.length > 1) {
          assert.throws(() => verifyCompleteness(proof, window.toReversed(), root), ProofError)
        }
        if (to < size) {
          assert.throws(
            () => verifyCompleteness({ ...proof, to: to + 1 }, window, root),
            ProofError,
          )
        }
      }
    }
  }
})

test('hashes of another length are refused, never padded', async () => {
  const { leaves, read, root } = grown(5)
  const path = await inclusionPath(0, 5, read)
  const short = (bytes: Buffer): Buffer => bytes.subarray(1)
  assert.throws(() => verifyInclusion(short(leaves[0]!), 0, 5, path, root), ProofError)
  assert.throws(() => verifyInclusion(leaves[0]!, 0, 5, path.map(short), root), ProofError)
  assert.throws(() => verifyInclusion(leaves[0]!, 0, 5, path, short(root)), ProofError)
  assert.throws(() => verifyInclusion(root, 0, 1, [], short(root)), ProofError)
  const older = grown(4).root
  const extension = await consistencyPath(4, 5, read)
  assert.throws(() => verifyConsistency(4, 5, short(older), root, extension), ProofError)
  assert.throws(() => verifyConsistency(4, 5, older, root, extension.map(short)), ProofError)
  const proof = await completenessProof(1, 3, 5, read)
  const window = leaves.slice(1, 3)
  assert.throws(() => verifyCompleteness(proof, window.map(short), root), ProofError)
  const left = proof.left.map(short)
  assert.throws(() => verifyCompleteness({ ...proof, left }, window, root), ProofError)
  assert.throws(() => new MerkleTree().append(short(root)), RangeError)
  assert.throws(() => MerkleTree.ofRoots(1, [short(root)]), RangeError)
  assert.throws(() => MerkleTree.ofRoots(3, [root]), RangeError)
})

test('a window that is none is refused', async () => {
  const { read, root } = grown(5)
  for (const [from, to] of [
    [0, 0],
    [3, 2],
    [0, 6],
    [-1, 2],
    [0.5, 2],
    [0, Number.NaN],
  ] as const) {
    await assert.rejects(completenessProof(from, to, 5, read), { code: 'PROOF_INPUT_INVALID' })
    const proof = { size: 5, from, to, left: [], right: [] }
    assert.throws(() => verifyCompleteness(proof, [], root), ProofError)
  }
})

test('heights of complete trees are exact up to the largest size', () => {
  for (const [size, height] of [
    [1, 0],
    [2, 1],
    [3, null],
    [2 ** 52, 52],
    [2 ** 52 - 1, null],
    [2 ** 52 + 1, null],
    [Number.MAX_SAFE_INTEGER, null],
  ] as const) {
    assert.equal(heightOf(size), height)
  }
})
