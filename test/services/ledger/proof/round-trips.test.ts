import assert from 'node:assert/strict'
import { test } from 'node:test'

import fc from 'fast-check'

import { logFiles, tileBytes } from '../../../../services/ledger/proof/c2sp-files.ts'
import {
  formatCheckpoint,
  openCheckpoint,
  parseCheckpoint,
  readUnverifiedCheckpoint,
  signCheckpoint,
} from '../../../../services/ledger/proof/checkpoint.ts'
import {
  consistencyPath,
  verifyConsistency,
} from '../../../../services/ledger/proof/consistency.ts'
import { ProofError } from '../../../../services/ledger/proof/error.ts'
import { leafHash } from '../../../../services/ledger/proof/hash.ts'
import { inclusionPath } from '../../../../services/ledger/proof/inclusion.ts'
import {
  ed25519Signer,
  openNote,
  parseNote,
  parseVkey,
  signNote,
} from '../../../../services/ledger/proof/note.ts'
import {
  decodeBundle,
  decodeHashTile,
  parseTilePath,
} from '../../../../services/ledger/proof/tile.ts'
import {
  formatTlogProof,
  parseTlogProof,
  verifyTlogProof,
} from '../../../../services/ledger/proof/tlog-proof.ts'
import { MerkleTree } from '../../../../services/ledger/proof/tree.ts'

const signer = ed25519Signer('ledger.example.com/test/log', Buffer.alloc(32, 7))
const hash32 = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes))
const names = fc.stringMatching(/^[a-zä-ü0-9./-]{1,40}$/u)
const line = fc
  .string({ unit: 'grapheme', maxLength: 30 })
  .map((text) => text.replaceAll(/\p{Cc}/gu, ''))
const entries = Array.from({ length: 300 }, (_, at) => Buffer.from(`entry ${at}`))

function grown(size: number): { root: Buffer; hash: (level: number, index: number) => Buffer } {
  const tree = new MerkleTree()
  const levels: Buffer[][] = []
  for (const entry of entries.slice(0, size)) {
    tree.append(leafHash(entry), (level, index, complete) => {
      const row = (levels[level] ??= [])
      row[index] = Buffer.from(complete)
    })
  }
  return { root: tree.root(), hash: (level, index) => levels[level]?.[index] ?? assert.fail() }
}

test('what is signed opens with the key and says the same', async () => {
  await fc.assert(
    fc.asyncProperty(names, hash32, fc.array(line, { maxLength: 5 }), async (name, seed, lines) => {
      const own = ed25519Signer(name, seed)
      const text = lines.map((each) => `${each}\n`).join('') || '\n'
      const opened = openNote(await signNote(text, own), [parseVkey(own.vkey)])
      assert.equal(opened.text, text)
    }),
  )
})

test('a checkpoint reads back as it was written', async () => {
  await fc.assert(
    fc.asyncProperty(names, fc.maxSafeNat(), hash32, async (origin, size, root) => {
      const checkpoint = { origin, size, root }
      assert.deepEqual(parseCheckpoint(formatCheckpoint(checkpoint)), checkpoint)
      const own = ed25519Signer(origin, root)
      const note = await signCheckpoint(checkpoint, own)
      assert.deepEqual(openCheckpoint(note, own.vkey), checkpoint)
      assert.deepEqual(readUnverifiedCheckpoint(note), checkpoint)
    }),
  )
})

test('a tlog-proof reads back as it was written', () => {
  fc.assert(
    fc.property(
      fc.maxSafeNat(),
      fc.array(hash32, { maxLength: 63 }),
      fc.string({ unit: 'grapheme' }),
      (index, path, checkpoint) => {
        const proof = { index, path, checkpoint }
        assert.deepEqual(parseTlogProof(formatTlogProof(proof)), proof)
      },
    ),
  )
})

test('no changed character of a tlog-proof shows anything else than the entry', async () => {
  const size = 37
  const { root, hash } = grown(size)
  const checkpoint = await signCheckpoint({ origin: signer.name, size, root }, signer)
  for (const index of [0, 5, 35, 36]) {
    const entry = entries[index] ?? assert.fail()
    const text = formatTlogProof({
      index,
      path: await inclusionPath(index, size, hash),
      checkpoint,
    })
    assert.equal(verifyTlogProof(parseTlogProof(text), entry, signer.vkey).size, size)
    for (let at = 0; at < text.length; at += 1) {
      for (const put of [text[at] === 'A' ? 'B' : 'A', '\n', '']) {
        const changed = text.slice(0, at) + put + text.slice(at + 1)
        if (changed === text) continue
        assert.throws(
          () => verifyTlogProof(parseTlogProof(changed), entry, signer.vkey),
          ProofError,
          JSON.stringify(changed),
        )
      }
    }
  }
})

test('a consistency proof holds between any two sizes, and with no bit of it changed', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 300 }),
      fc.integer({ min: 1, max: 300 }),
      fc.nat(),
      async (one, other, bit) => {
        const [oldSize, newSize] = [Math.min(one, other), Math.max(one, other)]
        const [older, newer] = [grown(oldSize), grown(newSize)]
        const path = await consistencyPath(oldSize, newSize, newer.hash)
        verifyConsistency(oldSize, newSize, older.root, newer.root, path)
        const bytes = Buffer.concat([older.root, newer.root, ...path])
        const at = bit % (bytes.length * 8)
        bytes.writeUInt8(bytes.readUInt8(at >> 3) ^ (1 << (at & 7)), at >> 3)
        const [oldRoot, newRoot, ...changed] = decodeHashTile(bytes, bytes.length / 32)
        assert.ok(oldRoot !== undefined && newRoot !== undefined)
        assert.throws(
          () => verifyConsistency(oldSize, newSize, oldRoot, newRoot, changed),
          ProofError,
        )
      },
    ),
    { numRuns: 60 },
  )
})

test('the files of a log hold its entries and the hashes over them, the checkpoint last', async () => {
  for (const size of [0, 1, 255, 256, 257, 300]) {
    const { hash } = grown(size)
    const read = (from: number, to: number) => Promise.resolve(entries.slice(from, to))
    const found: Buffer[] = []
    const paths: string[] = []
    for await (const { path, bytes } of logFiles({
      checkpoint: 'note',
      size,
      hash,
      entries: read,
    })) {
      paths.push(path)
      if (path === 'checkpoint') continue
      const { level, index, width } = parseTilePath(path)
      if (level < 0) found.push(...decodeBundle(bytes, width))
      else {
        const hashes = decodeHashTile(bytes, width)
        assert.deepEqual(
          hashes,
          hashes.map((_, at) => hash(level * 8, index * 256 + at)),
        )
      }
    }
    assert.deepEqual(found, entries.slice(0, size))
    assert.equal(paths.at(-1), 'checkpoint')
    assert.equal(new Set(paths).size, paths.length)
  }
})

test('the tile of an earlier size is the beginning of the tile of a later one', async () => {
  const { hash } = grown(300)
  const content = {
    size: 300,
    hash,
    entries: (from: number, to: number) => Promise.resolve(entries.slice(from, to)),
  }
  for (const path of ['tile/entries/000', 'tile/0/000', 'tile/0/001.p/44']) {
    const tile = parseTilePath(path)
    const whole = await tileBytes(tile, content)
    const part = await tileBytes({ ...tile, width: 7 }, content)
    assert.deepEqual(whole.subarray(0, part.length), part)
  }
})

test('random bytes are read to their end and no further, or refused', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 600 }), fc.nat({ max: 256 }), (bytes, width) => {
      const bundle = Buffer.from(bytes)
      try {
        const read = decodeBundle(bundle, width)
        assert.equal(read.length, width)
        assert.equal(
          read.reduce((sum, entry) => sum + 2 + entry.length, 0),
          bundle.length,
        )
      } catch (error) {
        assert.ok(error instanceof ProofError)
      }
      if (bytes.length !== width * 32) {
        assert.throws(() => decodeHashTile(bundle, width), { code: 'PROOF_TILE_MALFORMED' })
      }
      for (const parse of [parseNote, parseCheckpoint, parseTlogProof, parseVkey]) {
        assert.throws(() => parse(bundle.toString('latin1')), ProofError)
      }
    }),
  )
})
