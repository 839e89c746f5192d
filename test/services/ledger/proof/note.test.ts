import assert from 'node:assert/strict'
import { test } from 'node:test'

import fc from 'fast-check'

import {
  formatCheckpoint,
  openCheckpoint,
  parseCheckpoint,
  signCheckpoint,
} from '../../../../services/ledger/proof/checkpoint.ts'
import { ProofError } from '../../../../services/ledger/proof/error.ts'
import { leafHash } from '../../../../services/ledger/proof/hash.ts'
import {
  ed25519Signer,
  formatVkey,
  openNote,
  parseNote,
  parseVkey,
  signNote,
} from '../../../../services/ledger/proof/note.ts'
import {
  decodeBundle,
  encodeBundle,
  parseTilePath,
  tilePath,
  tilesOf,
} from '../../../../services/ledger/proof/tile.ts'
import {
  formatTlogProof,
  parseTlogProof,
  verifyTlogProof,
} from '../../../../services/ledger/proof/tlog-proof.ts'
import vectors from '../../../vectors/notes.json' with { type: 'json' }

const signer = ed25519Signer('ledger.example.com/test/log', Buffer.alloc(32, 7))
const checkpoint = { origin: signer.name, size: 1, root: leafHash(Buffer.from('entry')) }

test('published verifier keys are read and written back', () => {
  for (const vkey of vectors.vkeys) {
    const key = parseVkey(vkey)
    assert.equal(formatVkey(key.name, key.publicKey), vkey)
  }
})

test('every cut or changed copy of a published verifier key is refused', () => {
  const [vkey = ''] = vectors.vkeys
  for (let from = 0; from <= vkey.length; from += 1) {
    for (let to = from; to <= vkey.length; to += 1) {
      if (to - from === vkey.length) continue
      assert.throws(() => parseVkey(vkey.slice(from, to)), { code: 'PROOF_KEY_MALFORMED' })
    }
    const changed = vkey.codePointAt(from) ?? 0
    const key = vkey.slice(0, from) + String.fromCodePoint(changed + 1) + vkey.slice(from + 1)
    assert.throws(() => parseVkey(key), { code: 'PROOF_KEY_MALFORMED' })
  }
  for (const key of vectors.badVkeys) {
    assert.throws(() => parseVkey(key), { code: 'PROOF_KEY_MALFORMED' }, key)
  }
})

test('the published notes of x/mod open with either key, and the malformed ones with none', () => {
  const { text, note, malformed } = vectors.notes
  for (const vkey of vectors.vkeys.slice(0, 2)) {
    const opened = openNote(note, [parseVkey(vkey)])
    assert.equal(opened.text, text)
    assert.equal(opened.signatures.length, 2)
  }
  for (const bad of malformed) {
    assert.throws(() => parseNote(bad), { code: 'PROOF_NOTE_MALFORMED' }, bad)
  }
})

test('a signer that signs with another key is found before its note is used', async () => {
  const other = ed25519Signer(signer.name, Buffer.alloc(32, 9))
  await assert.rejects(signNote('text\n', { ...signer, sign: other.sign.bind(other) }), {
    code: 'PROOF_SIGNATURE_INVALID',
  })
})

test('a verifier key that is not as it should be is refused', () => {
  const good = signer.vkey
  for (const bad of [
    '',
    'name',
    good.replace('+', ' '),
    good.replace(/\+[0-9a-f]{8}\+/, '+00000000+'),
    `${good} `,
    `${good}\n`,
    good.slice(0, -4),
    good.replace(/\+A/, '+B'),
  ]) {
    assert.throws(() => parseVkey(bad), { code: 'PROOF_KEY_MALFORMED' }, JSON.stringify(bad))
  }
})

test('a signed note opens with its key', async () => {
  const note = await signNote('one\n\ntwo\n', signer)
  assert.equal(openNote(note, [parseVkey(signer.vkey)]).text, 'one\n\ntwo\n')
})

test('signatures of unknown keys are passed over, a bad one of a known key is not', async () => {
  const stranger = ed25519Signer('stranger', Buffer.alloc(32, 8))
  const note = await signNote('text\n', signer)
  const both = note + (await signNote('text\n', stranger)).split('\n\n')[1]!
  assert.equal(openNote(both, [parseVkey(signer.vkey)]).signatures.length, 2)
  assert.throws(() => openNote(note, [parseVkey(stranger.vkey)]), { code: 'PROOF_KEY_UNKNOWN' })
  const forged = both.replace('text\n', 'test\n')
  assert.throws(() => openNote(forged, [parseVkey(signer.vkey)]), {
    code: 'PROOF_SIGNATURE_INVALID',
  })
})

test('text that is no note is refused', async () => {
  const good = await signNote('text\n', signer)
  const bad: Record<string, string> = {
    'carriage returns': good.replaceAll('\n', '\r\n'),
    'a NUL': good.replace('text', 'te\0xt'),
    'a tab': good.replace('text', 'te\txt'),
    'a C1 control character': good.replace('text', 'te\u0085xt'),
    'no empty line': good.replace('\n\n', '\n'),
    'no signature': 'text\n\n',
    'no end of line': good.slice(0, -1),
    'a hyphen for the dash': good.replace('\u2014', '-'),
    'two spaces': good.replace('\u2014 ', '\u2014  '),
    'a trailing space': good.replace(/\n$/, ' \n'),
    'base64 without padding': good.replace(/=+\n$/, '\n'),
    'base64 that is not canonical': good.replace(/.=\n$/, 'B=\n').replace(/[^=]==\n$/, 'B==\n'),
    'too many signatures': good + good.split('\n\n')[1]!.repeat(64),
    'a lone surrogate': good.replace('text', 'te\ud800xt'),
  }
  for (const [what, note] of Object.entries(bad)) {
    if (note === good) continue
    assert.throws(() => parseNote(note), { code: 'PROOF_NOTE_MALFORMED' }, what)
  }
})

test('any one changed character of a signed checkpoint is found', async () => {
  const note = await signCheckpoint(checkpoint, signer)
  assert.deepEqual(openCheckpoint(note, signer.vkey), checkpoint)
  for (let at = 0; at < note.length; at += 1) {
    const changed = note.slice(0, at) + (note[at] === 'x' ? 'y' : 'x') + note.slice(at + 1)
    assert.throws(() => openCheckpoint(changed, signer.vkey), ProofError, `character ${at}`)
  }
})

test('a checkpoint that is not exactly three lines is refused', () => {
  const good = formatCheckpoint(checkpoint)
  parseCheckpoint(good)
  for (const bad of [
    good.replace('\n1\n', '\n01\n'),
    good.replace('\n1\n', '\n-1\n'),
    good.replace('\n1\n', '\n+1\n'),
    good.replace('\n1\n', '\n1e3\n'),
    good.replace('\n1\n', '\n9999999999999999\n'),
    `${good}extension\n`,
    `\n${good}`,
    good.trimEnd(),
    good.replace(/=\n$/, '\n'),
    'origin\n1\nAAAA\n',
  ]) {
    assert.throws(
      () => parseCheckpoint(bad),
      { code: 'PROOF_CHECKPOINT_MALFORMED' },
      JSON.stringify(bad),
    )
  }
})

test('a key does not speak for another log', async () => {
  const other = { ...checkpoint, origin: 'ledger.example.com/test/other' }
  await assert.rejects(async () => signCheckpoint(other, signer), { code: 'PROOF_ORIGIN_DIFFERS' })
  const smuggled = await signNote(formatCheckpoint(other), signer)
  assert.throws(() => openCheckpoint(smuggled, signer.vkey), { code: 'PROOF_ORIGIN_DIFFERS' })
})

test('the paths of tiles are those of the specification and read back', () => {
  assert.equal(tilePath({ level: 0, index: 1_234_067, width: 256 }), 'tile/0/x001/x234/067')
  assert.equal(tilePath({ level: -1, index: 273, width: 112 }), 'tile/entries/273.p/112')
  fc.assert(
    fc.property(
      fc.integer({ min: -1, max: 63 }),
      fc.maxSafeNat(),
      fc.integer({ min: 1, max: 256 }),
      (level, index, width) => {
        assert.deepEqual(parseTilePath(tilePath({ level, index, width })), { level, index, width })
      },
    ),
  )
  for (const bad of [
    'tile/0/0',
    'tile/0/x000/001',
    'tile/64/000',
    'tile/0/000.p/256',
    'tile/0/000.p/0',
    'tile/00/000',
    '/tile/0/000',
    'tile/0/../000',
  ]) {
    assert.throws(() => parseTilePath(bad), { code: 'PROOF_TILE_MALFORMED' }, bad)
  }
})

test('a log of a given size has the tiles that the specification says', () => {
  const paths = (size: number): string[] => [...tilesOf(size)].map(tilePath)
  assert.deepEqual(paths(0), [])
  assert.deepEqual(paths(256), ['tile/entries/000', 'tile/0/000', 'tile/1/000.p/1'])
  const large = paths(70_000)
  assert.ok(large.includes('tile/0/273.p/112'))
  assert.ok(large.includes('tile/1/001.p/17'))
  assert.ok(large.includes('tile/2/000.p/1'))
  assert.equal(large.filter((path) => path.startsWith('tile/0/')).length, 274)
})

test('bundles hold exactly their entries', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 20 }), (entries) => {
      const bundle = encodeBundle(entries)
      assert.deepEqual(
        decodeBundle(bundle, entries.length),
        entries.map((entry) => Buffer.from(entry)),
      )
      assert.throws(
        () => decodeBundle(Buffer.concat([bundle, Buffer.of(0)]), entries.length),
        ProofError,
      )
      assert.throws(() => decodeBundle(bundle, entries.length + 1), ProofError)
      if (bundle.length > 0) {
        assert.throws(() => decodeBundle(bundle.subarray(0, -1), entries.length), ProofError)
      }
    }),
  )
})

test('a tlog-proof shows its entry, and no other', async () => {
  const proof = { index: 0, path: [], checkpoint: await signCheckpoint(checkpoint, signer) }
  const text = formatTlogProof(proof)
  assert.deepEqual(parseTlogProof(text), proof)
  assert.deepEqual(
    verifyTlogProof(parseTlogProof(text), Buffer.from('entry'), signer.vkey),
    checkpoint,
  )
  assert.throws(() => verifyTlogProof(proof, Buffer.from('other'), signer.vkey), {
    code: 'PROOF_INCLUSION_FAILED',
  })
  const withExtra = text.replace('\nindex', '\nextra AAAA\nindex')
  assert.deepEqual(parseTlogProof(withExtra), proof)
})

test('random text gives a ProofError in every reader', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
      for (const read of [parseNote, parseVkey, parseCheckpoint, parseTilePath, parseTlogProof]) {
        assert.throws(() => read(text), ProofError)
      }
    }),
  )
})
