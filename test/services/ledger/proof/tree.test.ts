import assert from 'node:assert/strict'
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
import { MerkleTree } from '../../../../services/ledger/proof/tree.ts'

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
  assert.equal(
    emptyRoot.toString('hex'),
    'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  )
  assert.equal(
    leafHash(Buffer.alloc(0)).toString('hex'),
    '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  )
  assert.equal(
    leafHash(Buffer.from('L123456')).toString('hex'),
    '395aa064aa4c29f7010acfe3f25db9485bbd4b91897b6ad7ad547639252b4d56',
  )
  assert.equal(nodeHash(Buffer.from('N123'.padEnd(4)), Buffer.from('N456')).length, 32)
})

test('the reference tree of Certificate Transparency has the published roots', () => {
  const leaves = [
    '',
    '00',
    '10',
    '2021',
    '3031',
    '40414243',
    '5051525354555657',
    '606162636465666768696a6b6c6d6e6f',
  ]
  const tree = new MerkleTree()
  const roots = leaves.map((hex) => {
    tree.append(leafHash(Buffer.from(hex, 'hex')))
    return tree.root().toString('hex')
  })
  assert.equal(roots[6], 'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c')
  assert.equal(roots[7], '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328')
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

test('every consistency proof of every pair of sizes up to 48 holds, and for these roots only', async () => {
  const roots = Array.from({ length: 49 }, (_, size) => grown(size).root)
  for (let newSize = 1; newSize <= 48; newSize += 1) {
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
