import assert from 'node:assert/strict'
import { cp, readFile, readdir, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'

import {
  initLedger,
  openLedger,
  openLedgerReader,
} from '../../../services/ledger/adapters/files/open.ts'
import type { FileLedgerOptions } from '../../../services/ledger/adapters/files/open.ts'
import type { LedgerError } from '../../../services/ledger/error.ts'
import { signCheckpoint } from '../../../services/ledger/proof/checkpoint.ts'
import { formatVkey } from '../../../services/ledger/proof/note.ts'
import type { LedgerProblem } from '../../../services/ledger/verification/verification.ts'
import { aDirectory, ledgerOptions } from '../../support/a-ledger.ts'
import { commitEvents, openWriter, originOfTest } from '../../support/a-log-writer.ts'

/**
 * Attacks on what is stored. Each ledger verifies first; then it is changed, and verification says what was changed, or the
 * writer does not start.
 */

interface Victim {
  readonly options: FileLedgerOptions
  readonly origin: string
  readonly directory: string
  /** Files of the log, relative to its directory. */
  file(...parts: readonly string[]): string
}

async function aVictim(t: TestContext, batches = 4): Promise<Victim> {
  const options = { ...(await ledgerOptions(await aDirectory(t))), segmentBytes: 6000 }
  await initLedger(options)
  await write(options, batches)
  assert.deepEqual(await problemsOf(options), [])
  const origin = originOfTest(options)
  const directory = join(options.directory, 'logs', origin)
  return { options, origin, directory, file: (...parts) => join(directory, ...parts) }
}

async function write(options: FileLedgerOptions, batches: number): Promise<void> {
  await using log = await openWriter(options)
  for (let batch = 0; batch < batches; batch++) {
    await commitEvents(log, 100)
    await log.checkpoint(Date.now())
  }
}

async function problemsOf(
  options: FileLedgerOptions,
  remembered: readonly string[] = [],
): Promise<readonly LedgerProblem[]> {
  await using view = await openLedgerReader(options)
  return (await view.verify({ remembered })).problems
}

async function flipBit(file: string, at: number): Promise<void> {
  const bytes = await readFile(file)
  bytes[at] = (bytes[at] ?? 0) ^ 4
  await writeFile(file, bytes)
}

async function segments(victim: Victim): Promise<string[]> {
  return (await readdir(victim.file('seg'))).sort().map((name) => victim.file('seg', name))
}

test('1: a flipped bit is found in every kind of file, and named', async (t) => {
  const victim = await aVictim(t)
  const [segment = '', sealed = ''] = await segments(victim)
  const [payload = ''] = (await readdir(victim.file('payload'))).filter((name) =>
    name.endsWith('.enc'),
  )
  const cases: readonly (readonly [string, number, RegExp])[] = [
    [segment, 700, /\.seg/],
    [sealed, 3000, /\.seg/],
    [victim.file('hash', 'L0.pack'), 5000, /L0\.pack/],
    [victim.file('hash', 'L1.pack'), 7, /L1\.pack/],
    [victim.file('payload', payload), 40, /\.enc/],
    [victim.file('payload', payload), 2, /\.enc/],
    [victim.file('payload', 'data-keys'), 60, /data-keys/],
    [victim.file('checkpoints.log'), 40, /checkpoints\.log/],
    [victim.file('checkpoint'), 60, /checkpoint/],
    [victim.file('genesis.json'), 30, /./],
  ]
  for (const [file, at, named] of cases) {
    await flipBit(file, at)
    const problems = await problemsOf(victim.options)
    const said = problems.map((problem) => `${problem.file} ${problem.what}`).join('\n')
    assert.ok(problems.length > 0, `${file} was changed and nothing was found`)
    assert.match(said, named)
    await flipBit(file, at)
    assert.deepEqual(await problemsOf(victim.options), [])
  }
})

test('2: a truncated file is found; a clean rollback by a remembered checkpoint', async (t) => {
  const victim = await aVictim(t, 2)
  const last = (await segments(victim)).at(-1) ?? ''
  const whole = await readFile(last)
  await truncate(last, whole.length - 200)
  assert.match((await problemsOf(victim.options))[0]?.what ?? '', /set back/)
  await assert.rejects(openLedger(victim.options), (error: LedgerError) => {
    assert.equal(error.code, 'LEDGER_ROLLED_BACK')
    assert.match(error.message, /Nothing was changed\. Restore .* keep this one as evidence/)
    return true
  })
  await writeFile(last, whole)

  // Everything is set back together, the register included: only memory outside shows it.
  const snapshot = `${victim.options.directory}-old`
  await cp(victim.options.directory, snapshot, { recursive: true })
  await write(victim.options, 1)
  const remembered = await readFile(victim.file('checkpoint'), 'utf8')
  await rm(victim.options.directory, { recursive: true })
  await cp(snapshot, victim.options.directory, { recursive: true })
  assert.deepEqual(await problemsOf(victim.options), [])
  const [problem] = await problemsOf(victim.options, [remembered])
  assert.match(problem?.what ?? '', /set back/)
  assert.deepEqual(problem?.evidence, [remembered])
})

test('3: two records in each other’s place are found', async (t) => {
  const victim = await aVictim(t)
  const [segment = ''] = await segments(victim)
  const bytes = await readFile(segment)
  const frames: { at: number; end: number }[] = []
  for (let at = 21 + victim.origin.length + 4; frames.length < 13;) {
    const end = at + 9 + bytes.readUInt32BE(at)
    frames.push({ at, end })
    at = end
  }
  // Of the same length, so that every other frame stays where it is.
  const [a, b] = frames.slice(2).flatMap((first, index, all) => {
    const second = all.slice(index + 1).find(({ at, end }) => end - at === first.end - first.at)
    return second === undefined ? [] : [first, second]
  })
  assert.ok(a && b)
  const [first, second] = [a, b].map(({ at, end }) => Buffer.from(bytes.subarray(at, end)))
  second?.copy(bytes, a.at)
  first?.copy(bytes, b.at)
  await writeFile(segment, bytes)
  const problems = await problemsOf(victim.options)
  assert.match(problems.map(({ what }) => what).join('\n'), /the leaf is that of entry/)
  await assert.rejects(openWriter(victim.options), { code: 'LEDGER_CORRUPT' })
})

test('5: a deleted segment, payload file or whole log is found', async (t) => {
  const victim = await aVictim(t)
  const away = `${victim.options.directory}-away`
  const names = await segments(victim)
  for (const name of [names[0] ?? '', names[2] ?? '', names.at(-1) ?? '']) {
    const bytes = await readFile(name)
    await rm(name)
    assert.ok((await problemsOf(victim.options)).length > 0, `${name} is missing`)
    await assert.rejects(openWriter(victim.options))
    await writeFile(name, bytes)
  }
  const [payload = ''] = (await readdir(victim.file('payload'))).filter((name) =>
    name.endsWith('.enc'),
  )
  const bytes = await readFile(victim.file('payload', payload))
  await rm(victim.file('payload', payload))
  assert.match((await problemsOf(victim.options))[0]?.what ?? '', /missing/)
  await writeFile(victim.file('payload', payload), bytes)

  await cp(victim.directory, away, { recursive: true })
  await rm(victim.directory, { recursive: true })
  assert.deepEqual(await problemsOf(victim.options), [
    { origin: victim.origin, file: 'logs', position: null, what: 'the whole log is missing' },
  ])
})

test('6: a storage that was set back does not start, even when new records stand in the old places', async (t) => {
  const victim = await aVictim(t, 1)
  const snapshot = `${victim.options.directory}-old`
  await cp(victim.directory, snapshot, { recursive: true })
  await write(victim.options, 1)
  await rm(victim.directory, { recursive: true })
  await cp(snapshot, victim.directory, { recursive: true })
  await assert.rejects(openWriter(victim.options), { code: 'LEDGER_ROLLED_BACK' })
  assert.match((await problemsOf(victim.options))[0]?.what ?? '', /set back/)
})

test('7: a fork is proven by both notes', async (t) => {
  const victim = await aVictim(t, 1)
  const { key } = victim.options
  const { publicKey } = key
  const vkey = formatVkey(victim.origin, publicKey)
  const signer = {
    name: victim.origin,
    vkey,
    publicKey,
    sign: (message: Buffer) => key.sign(message),
  }
  const ours = await readFile(victim.file('checkpoint'), 'utf8')
  const other = await signCheckpoint(
    { origin: victim.origin, size: 101, root: Buffer.alloc(32, 7) },
    signer,
  )
  const problems = await problemsOf(victim.options, [other])
  const forked = problems.find(({ what }) => /forked/.test(what))
  assert.ok(forked)
  assert.ok(forked.evidence?.includes(ours) === true && forked.evidence.includes(other))
})

test('11: a segment and a record of another log are found, with everything else in order', async (t) => {
  const victim = await aVictim(t)
  const other = { ...(await ledgerOptions(await aDirectory(t))), operator: 'other.example' }
  await initLedger({ ...other, segmentBytes: 6000 })
  await write({ ...other, segmentBytes: 6000 }, 4)
  const directory = join(other.directory, 'logs', originOfTest(other), 'seg')
  const names = await segments(victim)
  const name = names[1] ?? ''
  const own = await readFile(name)
  const [foreign = ''] = (await readdir(directory)).sort()
  await cp(join(directory, foreign), name)
  assert.match((await problemsOf(victim.options))[0]?.what ?? '', /does not belong here/)
  await writeFile(name, own)

  // One of ours, under the number of another.
  await cp(names[0] ?? '', name)
  assert.match((await problemsOf(victim.options))[0]?.what ?? '', /does not belong here/)
})

test('17: swapped and removed payloads are found; an erased one is as it should be', async (t) => {
  const victim = await aVictim(t, 1)
  const [name = ''] = (await readdir(victim.file('payload'))).filter((each) =>
    each.endsWith('.enc'),
  )
  const file = victim.file('payload', name)
  const whole = await readFile(file)
  const bytes = Buffer.from(whole)
  // The records of the entries 1 and 5 have one data key and one length: their bodies change places.
  const length = 4 + bytes.readUInt32BE(0)
  const body = Buffer.from(bytes.subarray(20, length))
  bytes.copyWithin(20, 4 * length + 20, 5 * length)
  body.copy(bytes, 4 * length + 20)
  await writeFile(file, bytes)
  assert.match((await problemsOf(victim.options))[0]?.what ?? '', /was changed/)

  await writeFile(file, whole.subarray(0, whole.length - length))
  assert.match((await problemsOf(victim.options))[0]?.what ?? '', /missing/)
  await writeFile(file, whole)
  assert.deepEqual(await problemsOf(victim.options), [])
})
