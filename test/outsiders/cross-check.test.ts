import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestContext } from 'node:test'

import fc from 'fast-check'

import { consistencyPath, verifyConsistency } from '../../services/ledger/proof/consistency.ts'
import { ProofError } from '../../services/ledger/proof/error.ts'
import { leafHash } from '../../services/ledger/proof/hash.ts'
import { inclusionPath, verifyInclusion } from '../../services/ledger/proof/inclusion.ts'
import { ed25519Signer, openNote, parseVkey, signNote } from '../../services/ledger/proof/note.ts'
import { signer, treeOf } from './a-log.ts'
import { goProgram, run } from './verifier.ts'

interface Inclusion {
  readonly index: number
  readonly size: number
  readonly leaf: string
  readonly root: string
  readonly path: readonly string[]
}

interface Consistency {
  readonly oldSize: number
  readonly newSize: number
  readonly oldRoot: string
  readonly newRoot: string
  readonly path: readonly string[]
}

interface SignedNote {
  readonly vkey: string
  /** base64 */
  readonly note: string
}

interface Questions {
  readonly treeSize?: number
  readonly notes?: readonly SignedNote[]
  readonly inclusion?: readonly Inclusion[]
  readonly consistency?: readonly Consistency[]
  readonly sign?: readonly { name: string; text: string }[]
}

interface Answers {
  readonly inclusion: readonly Inclusion[]
  readonly consistency: readonly Consistency[]
  readonly texts: readonly (string | null)[]
  readonly inclusionHolds: readonly boolean[]
  readonly consistencyHolds: readonly boolean[]
  readonly signed: readonly SignedNote[]
}

async function ask(t: TestContext, questions: Questions): Promise<Answers | null> {
  const program = await goProgram(t, 'cross-check')
  if (program === null) return null
  const { code, stdout, stderr } = await run(program, [], { input: JSON.stringify(questions) })
  assert.equal(code, 0, stderr)
  return JSON.parse(stdout) as Answers
}

const treeSize = 48
const records = Array.from({ length: treeSize }, (_, at) => Buffer.from(`entry ${at}`))
const decoded = (hash: string): Buffer => Buffer.from(hash, 'base64')

test('our proofs are those that Go makes, hash by hash', async (t) => {
  const go = await ask(t, { treeSize })
  if (go === null) return
  const trees = records.map((_, at) => treeOf(records.slice(0, at + 1)))
  assert.equal(go.inclusion.length, (treeSize * (treeSize + 1)) / 2)
  for (const { index, size, leaf, root, path } of go.inclusion) {
    const tree = trees[size - 1]
    assert.ok(tree !== undefined)
    const ours = await inclusionPath(index, size, tree.hash)
    assert.deepEqual(ours.map(encoded), path)
    assert.equal(encoded(tree.root), root)
    verifyInclusion(decoded(leaf), index, size, path.map(decoded), decoded(root))
  }
  for (const { oldSize, newSize, oldRoot, newRoot, path } of go.consistency) {
    const tree = trees[newSize - 1]
    assert.ok(tree !== undefined)
    const ours = await consistencyPath(oldSize, newSize, tree.hash)
    assert.deepEqual(ours.map(encoded), path)
    const hashes = path.map(decoded)
    verifyConsistency(oldSize, newSize, decoded(oldRoot), decoded(newRoot), hashes)
  }
})

test('of forged proofs we accept exactly those that Go accepts', async (t) => {
  const inclusion: Inclusion[] = []
  const consistency: Consistency[] = []
  for (const size of [1, 2, 3, 7, 8, 9, 32, 33, treeSize]) {
    const tree = treeOf(records.slice(0, size))
    for (const other of new Set([0, 1, 2, 5, Math.floor(size / 2), size - 1, size])) {
      if (other < size) {
        const path = (await inclusionPath(other, size, tree.hash)).map(encoded)
        const leaf = encoded(leafHash(records[other] ?? Buffer.alloc(0)))
        inclusion.push(
          ...forgedInclusion({ index: other, size, leaf, root: encoded(tree.root), path }),
        )
      }
      if (other >= 1 && other <= size) {
        const path = (await consistencyPath(other, size, tree.hash)).map(encoded)
        const oldRoot = encoded(treeOf(records.slice(0, other)).root)
        consistency.push(
          ...forgedConsistency({
            oldSize: other,
            newSize: size,
            oldRoot,
            newRoot: encoded(tree.root),
            path,
          }),
        )
      }
    }
  }
  const go = await ask(t, { inclusion, consistency })
  if (go === null) return
  const ourInclusion = inclusion.map(({ index, size, leaf, root, path }) =>
    accepts(() => {
      verifyInclusion(decoded(leaf), index, size, path.map(decoded), decoded(root))
    }),
  )
  for (const [at, probe] of inclusion.entries()) {
    assert.equal(ourInclusion[at], go.inclusionHolds[at], JSON.stringify(probe))
  }
  for (const [at, probe] of consistency.entries()) {
    const { oldSize, newSize, oldRoot, newRoot, path } = probe
    const ours = accepts(() => {
      verifyConsistency(oldSize, newSize, decoded(oldRoot), decoded(newRoot), path.map(decoded))
    })
    assert.equal(ours, go.consistencyHolds[at], JSON.stringify(probe))
  }
  assert.ok(ourInclusion.includes(true) && ourInclusion.includes(false))
})

test('a note that Go signed opens with the key that Go made', async (t) => {
  const sign = ['example.com/log', 'Zürich', 'a'].map((name) => ({
    name,
    text: `${name}\n\nGrüße\n`,
  }))
  const go = await ask(t, { sign })
  if (go === null) return
  assert.equal(go.signed.length, sign.length)
  for (const [at, { vkey, note }] of go.signed.entries()) {
    const opened = openNote(decoded(note).toString(), [parseVkey(vkey)])
    assert.equal(opened.text, sign[at]?.text)
    assert.equal(parseVkey(vkey).name, sign[at]?.name)
  }
})

test('of changed notes we accept none that Go refuses, and read the same text', async (t) => {
  const stranger = ed25519Signer('stranger', Buffer.alloc(32, 8))
  const base = await signNote('text\n\nmore\n', signer)
  const [, strange = ''] = (await signNote('text\n\nmore\n', stranger)).split('more\n\n')
  const [, own = ''] = base.split('more\n\n')
  const notes = [
    base,
    base + strange,
    base + own,
    base + strange.repeat(15),
    base + strange.repeat(100),
    base.replaceAll('\n', '\r\n'),
    `\n${base}`,
    `${base}\n`,
    base.slice(0, -1),
    `\n\n${own}`,
    base.replace('text', 'te\txt'),
    base.replace('text', 'te\u0085xt'),
    `\uFEFF${base}`,
    base.replace('\u2014', '-'),
    base.replace('more\n\n', 'more\n'),
    base.replace('\u2014 ', '\u2014'),
    ...changedCopies(base + strange),
  ]
  const signed = notes.map((note) => ({ vkey: signer.vkey, note: encoded(Buffer.from(note)) }))
  const go = await ask(t, { notes: signed })
  if (go === null) return
  const key = parseVkey(signer.vkey)
  let accepted = 0
  for (const [at, note] of notes.entries()) {
    let text: string | null = null
    if (accepts(() => void (text = openNote(note, [key]).text))) {
      assert.equal(text, go.texts[at], JSON.stringify(note))
      accepted += 1
    }
  }
  assert.ok(accepted >= 4, 'the first four are good notes')
  assert.ok(accepted < notes.length)
})

function encoded(hash: Buffer): string {
  return hash.toString('base64')
}

function accepts(verify: () => void): boolean {
  try {
    verify()
    return true
  } catch (error) {
    if (error instanceof ProofError) return false
    throw error
  }
}

function forgedPaths(path: readonly string[], ...extra: readonly string[]): string[][] {
  return [
    [],
    path.slice(1),
    path.slice(0, -1),
    path.toReversed(),
    ...extra.flatMap((hash) => [
      [hash, ...path],
      [...path, hash],
    ]),
    ...path.map((hash, at) => path.with(at, flipped(hash))),
  ]
}

function forgedInclusion(good: Inclusion): Inclusion[] {
  const { index, size, leaf, root, path } = good
  const indexes = [index - 1, index + 1, index ^ 2, index * 2, 0, size, size - 1]
  const sizes = [size - 1, size + 1, size * 2, Math.floor(size / 2), 0, index, index + 1]
  return [
    good,
    ...indexes.map((other) => ({ ...good, index: other })),
    ...sizes.map((other) => ({ ...good, size: other })),
    { ...good, leaf: flipped(leaf) },
    { ...good, root: flipped(root) },
    { ...good, leaf: root, root: leaf },
    { ...good, leaf: root },
    ...forgedPaths(path, leaf, root).map((other) => ({ ...good, path: other })),
  ]
}

function forgedConsistency(good: Consistency): Consistency[] {
  const { oldSize, newSize, oldRoot, newRoot, path } = good
  const sizes = [oldSize - 1, oldSize + 1, oldSize ^ 2, 0, newSize]
  const newSizes = [newSize - 1, newSize + 1, newSize * 2, Math.floor(newSize / 2), 0, oldSize]
  return [
    good,
    ...sizes.map((other) => ({ ...good, oldSize: other })),
    ...newSizes.map((other) => ({ ...good, newSize: other })),
    { ...good, oldRoot: flipped(oldRoot) },
    { ...good, newRoot: flipped(newRoot) },
    { ...good, oldRoot: newRoot, newRoot: oldRoot },
    { ...good, oldRoot: newRoot },
    ...forgedPaths(path, oldRoot, newRoot).map((other) => ({ ...good, path: other })),
  ]
}

function flipped(hash: string): string {
  const bytes = decoded(hash)
  bytes.writeUInt8(bytes.readUInt8(7) ^ 16, 7)
  return encoded(bytes)
}

/** Copies with a few characters changed, left out, doubled or put in. */
function changedCopies(note: string): string[] {
  const characters = fc.constantFrom(
    '\n',
    ' ',
    '+',
    '=',
    'A',
    '/',
    '\u2014',
    '\u00a0',
    '\r',
    '\0',
    'é',
  )
  const change = fc.tuple(fc.nat(note.length - 1), fc.nat(2), characters)
  const changes = fc.array(change, { minLength: 1, maxLength: 3 })
  return fc.sample(changes, { numRuns: 2000, seed: 1 }).map((list) => {
    let changed = note
    for (const [at, removed, put] of list) {
      changed =
        changed.slice(0, at) +
        (removed === 2 ? '' : put) +
        changed.slice(at + (removed === 0 ? 0 : 1))
    }
    return changed
  })
}
