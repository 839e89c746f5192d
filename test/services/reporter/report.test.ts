import assert from 'node:assert/strict'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'

import { parse } from 'csv-parse/sync'

import { asOfMs } from '../../../reports/frozen.ts'
import type { FrozenInputs } from '../../../reports/frozen.ts'
import type { BundleManifest } from '../../../schemas/bundle.ts'
import { formatTlogProof } from '../../../services/ledger/proof/tlog-proof.ts'
import type { LogHead } from '../../../services/ledger/reader.ts'
import { fingerprintOf } from '../../../services/reporter/bundle/keys.ts'
import { packEntry, readZip, unpackEntry, writeZip } from '../../../services/reporter/bundle/zip.ts'
import type { ConsistencyFile } from '../../../services/reporter/consistency.ts'
import { writeBundle } from '../../../services/reporter/bundle/write-bundle.ts'
import { freezeCheckpoints } from '../../../services/reporter/freeze.ts'
import { scheduledId } from '../../../services/reporter/periods.ts'
import { openReporter } from '../../../services/reporter/reporter.ts'
import { runReport } from '../../../services/reporter/run-report.ts'
import { verifyBundle } from '../../../services/reporter/verify.ts'
import { systemClock } from '../../../services/runtime/clock.ts'
import { ChainOfEvents } from '../../support/a-ledger.ts'
import { until } from '../../support/until.ts'
import { aDaysWork, aReportedLedger, dayStartMs } from '../../support/a-reported-ledger.ts'

const aDay = { control: 'au-2', fromMs: dayStartMs, toMs: dayStartMs + 86_400_000 } as const
const most = 100_000_000
const never = new AbortController().signal

function fileOf(bundle: Buffer, path: string): Buffer {
  const entry = readZip(bundle, most).entries.find((each) => each.path === path)
  assert.ok(entry !== undefined, path)
  return unpackEntry(entry)
}

test('a report covers every event of its period, is recorded, and verifies with its key', async (t) => {
  await using ledger = await aReportedLedger(t)
  await using reporter = await openReporter(ledger.options)
  const begun = await reporter.start({ ...aDay, trigger: 'ad_hoc' })
  assert.equal(begun.state, 'running')
  const finished = await reporter.finished(begun.id)
  assert.equal(finished.reason, null)
  assert.equal(finished.population, 21)
  const bytes = await readFile((await reporter.bundle(finished.id)) ?? '')
  const outcome = await verifyBundle(bytes, { keyFingerprint: finished.keyFingerprint ?? '' })
  assert.deepEqual(outcome.ok ? [] : outcome.problems, [])
  assert.equal(ledger.recorded[0]?.type, 'report.generated')
  assert.equal(ledger.recorded[0].report?.bundle_sha256.toString('hex'), finished.bundleSha256)
  const rows = parse(fileOf(bytes, 'population/events.csv'), { columns: true }) as Record<
    string,
    string
  >[]
  const blocked = rows.find(({ outcome }) => outcome === 'block')
  assert.equal(blocked?.['operation'], 'drop')
  assert.equal(blocked['risk_tier'], 'refused')
  assert.equal(blocked['on_behalf_of'], 'u-1001')
  assert.match(fileOf(bytes, 'samples/events.csv').toString(), /block by no-drop/)
  assert.doesNotMatch(fileOf(bytes, 'samples/events.csv').toString(), /DROP TABLE/)
})

test('the next report shows that the log only grew, and finished ones are found again after a restart', async (t) => {
  const chain = new ChainOfEvents()
  await using ledger = await aReportedLedger(t, {}, aDaysWork(chain))
  let firstId = ''
  {
    await using reporter = await openReporter(ledger.options)
    firstId = (await reporter.start({ ...aDay, trigger: 'ad_hoc' })).id
    await reporter.finished(firstId)
  }
  await ledger.seal(aDaysWork(chain))
  await writeFile(join(ledger.options.directory, 'damaged.zip'), 'no bundle')
  await using reporter = await openReporter(ledger.options)
  assert.equal((await reporter.get(firstId))?.state, 'done')
  const second = await reporter.start({ ...aDay, trigger: 'ad_hoc', assessorNonce: 'dice' })
  const finished = await reporter.finished(second.id)
  const bytes = await readFile((await reporter.bundle(second.id)) ?? '')
  const file = JSON.parse(fileOf(bytes, 'ledger/consistency.json').toString()) as ConsistencyFile
  assert.equal(file.previous_report, firstId)
  assert.equal(file.logs[0]?.old_size, 22)
  assert.equal(file.logs[0].new_size, 43)
  assert.equal(finished.population, 42)
  const outcome = await verifyBundle(bytes)
  assert.ok(outcome.ok)
  assert.match(String(outcome.facts['sample']), /assessor-selected/)
  assert.deepEqual(
    (await reporter.list()).map(({ id }) => id),
    [second.id, firstId],
  )
})

test('the same frozen inputs give the same bytes', async (t) => {
  await using ledger = await aReportedLedger(t)
  const { reader, signer } = ledger.options
  const checkpoints = await freezeCheckpoints({
    reader,
    clock: systemClock,
    trigger: 'schedule',
    toMs: aDay.toMs,
    signal: never,
  })
  const frozen: FrozenInputs = {
    reportId: 'au-2-day-2026-11-24',
    revision: 1,
    title: 'AU-2 Event Logging',
    template: 'au-2/1',
    build: '0.1.0',
    tenant: 'shop',
    trigger: 'schedule',
    ...aDay,
    generatedAtMs: asOfMs({ checkpoints }),
    assessorNonce: null,
    parameters: { 'au-02_odp.01': 'all' },
    checkpoints,
    previous: null,
    signerVkey: signer.vkey,
    keyFingerprint: fingerprintOf(signer.vkey),
  }
  const phases: string[] = []
  const make = (): Promise<Buffer> =>
    runReport({
      frozen,
      reader,
      signer,
      signal: never,
      onProgress: ({ phase }) => phases.push(phase),
    })
  const first = await make()
  assert.ok((await make()).equals(first))
  assert.ok(phases.includes('reading the ledger') && phases.includes('packing and signing'))
  assert.equal(checkpoints[0]?.choice, 'first-after-period')
})

test('a scheduled report that was missed is made at the start, once, and says so', async (t) => {
  const schedules = [
    { control: 'au-2', schedule: '* * * * *', period: 'hour', parameters: {} },
  ] as const
  await using ledger = await aReportedLedger(t)
  // The ledger began just now. In one hour, its first hour is over, and the newest checkpoint is all there is.
  const hourMs = 3_600_000
  let nowMs = (Math.floor(systemClock.nowMs() / hourMs) + 1) * hourMs + 700_000
  const clock = { ...systemClock, nowMs: () => (nowMs += 30_000) }
  const options = { ...ledger.options, schedules, clock }
  {
    await using reporter = await openReporter(options)
    await until(async () => (await reporter.list()).some(({ state }) => state === 'done'))
    const [made] = await reporter.list()
    assert.equal(made?.trigger, 'catch_up')
    assert.match(made.id, /^au-2-hour-/)
    const bytes = await readFile((await reporter.bundle(made.id)) ?? '')
    assert.match(fileOf(bytes, 'report.md').toString(), /Made up for: its scheduled run was missed/)
  }
  await using again = await openReporter(options)
  assert.deepEqual(
    (await again.list()).map(({ trigger }) => trigger),
    ['catch_up'],
  )
})

test('a period that ends before it begins, or lies ahead, is refused', async (t) => {
  await using ledger = await aReportedLedger(t)
  await using reporter = await openReporter(ledger.options)
  const refused = { code: 'REPORT_PERIOD_INVALID' }
  await assert.rejects(
    reporter.start({ ...aDay, toMs: aDay.fromMs - 1000, trigger: 'ad_hoc' }),
    refused,
  )
  const ahead = systemClock.nowMs() + 86_400_000
  await assert.rejects(
    reporter.start({ control: 'au-2', fromMs: ahead, toMs: ahead + 1000, trigger: 'ad_hoc' }),
    refused,
  )
  await assert.rejects(reporter.finished('none'), { code: 'REPORT_UNKNOWN' })
  assert.equal(await reporter.bundle('none'), null)
})

test('a ledger that has fewer entries than a report has seen makes no other report', async (t) => {
  await using whole = await aReportedLedger(t)
  const { directory } = whole.options
  await using first = await openReporter(whole.options)
  const seen = await first.finished((await first.start({ ...aDay, trigger: 'ad_hoc' })).id)
  await using cut = await aReportedLedger(t, { directory }, aDaysWork().slice(0, 8))
  const reader = new Proxy(cut.reader, {
    get: (target, name) => {
      // Of the same key, as a copy that was made earlier is.
      if (name === 'logs')
        return async () => withKeyOf(await whole.reader.logs(), await target.logs())
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
  for (const [given, words] of [
    [cut.reader, 'and has another key now'],
    [reader, 'and has 9 now'],
  ] as const) {
    await using second = await openReporter({ ...cut.options, directory, reader: given })
    const run = await second.finished((await second.start({ ...aDay, trigger: 'ad_hoc' })).id)
    assert.equal(run.state, 'failed')
    assert.ok(
      run.reason?.includes(`had 22 entries in report ${seen.id} ${words}`),
      run.reason ?? '',
    )
  }
})

function withKeyOf([one]: readonly LogHead[], others: readonly LogHead[]): readonly LogHead[] {
  return others.map((head) => ({ ...head, vkey: one?.vkey ?? '' }))
}

test('a bundle that proves too little does not verify, though its reporter has signed it', async (t) => {
  await using ledger = await aReportedLedger(t)
  await using reporter = await openReporter(ledger.options)
  const run = await reporter.finished((await reporter.start({ ...aDay, trigger: 'ad_hoc' })).id)
  const bundle = await readFile((await reporter.bundle(run.id)) ?? '')
  const { files: _listed, ...manifest } = JSON.parse(
    fileOf(bundle, 'manifest.json').toString(),
  ) as BundleManifest
  const signedAgain = async (
    changes: ReadonlyMap<string, Buffer>,
    previous: string | null = null,
  ): Promise<readonly string[]> => {
    const files = new Map(
      readZip(bundle, most).entries.map((entry) => [entry.path, unpackEntry(entry)]),
    )
    for (const own of ['manifest.json', 'manifest.sig', 'SHA256SUMS']) files.delete(own)
    for (const [path, bytes] of changes) files.set(path, bytes)
    const changed = { ...manifest, previous_report: previous }
    const outcome = await verifyBundle(await writeBundle(changed, files, ledger.options.signer))
    return outcome.ok ? [] : outcome.problems.map(({ sentence }) => sentence)
  }
  assert.deepEqual(await signedAgain(new Map()), [])

  const earlier = 'au-2-day-2026-11-23'
  const unproven = Buffer.from(JSON.stringify({ previous_report: earlier, logs: [] }))
  const [said] = await signedAgain(new Map([['ledger/consistency.json', unproven]]), earlier)
  assert.match(said ?? '', /proves of no log that it only grew since au-2-day-2026-11-23/)

  // Every row of the sample "proven" by the entry that begins the log.
  const [head] = manifest.checkpoints
  assert.ok(head !== undefined)
  const genesis = await ledger.reader.entry(head.origin, 0)
  const proof = formatTlogProof({
    index: 0,
    path: [...(await ledger.reader.inclusionProof(head.origin, 0, head.size))],
    checkpoint: fileOf(bundle, head.file).toString(),
  })
  const rows = parse(fileOf(bundle, 'samples/events.csv'), { columns: true }) as Record<
    string,
    string
  >[]
  const changes = new Map(rows.map((row) => [row['proof_file'] ?? '', Buffer.from(proof)]))
  const leaf = Buffer.concat([genesis.leafBytes, Buffer.from('\n')])
  changes.set('ledger/leaves.jsonl', Buffer.concat(rows.map(() => leaf)))
  const told = await signedAgain(changes)
  assert.equal(told.length, rows.length)
  for (const sentence of told) assert.match(sentence, /in ledger\/leaves\.jsonl is of no event/)
})

test('a stored report that cannot be read is neither replaced nor keeps the others from being read', async (t) => {
  const schedules = [
    { control: 'au-2', schedule: '* * * * *', period: 'hour', parameters: {} },
  ] as const
  await using ledger = await aReportedLedger(t)
  const hourMs = 3_600_000
  const hour = Math.floor(systemClock.nowMs() / hourMs) * hourMs
  let nowMs = hour + hourMs + 700_000
  const clock = { ...systemClock, nowMs: () => (nowMs += 30_000) }
  const { directory } = ledger.options
  await mkdir(directory)
  const damaged = `${scheduledId('au-2', 'hour', { fromMs: hour, toMs: hour + hourMs })}.zip`
  await writeFile(join(directory, damaged), 'what is left of a report')
  const manifest = packEntry('manifest.json', Buffer.from('{"type":"something else"}'))
  await writeFile(join(directory, 'of-others.zip'), writeZip([manifest]))
  await writeFile(
    join(directory, 'no-json.zip'),
    writeZip([packEntry('manifest.json', Buffer.of(1))]),
  )

  await using reporter = await openReporter({ ...ledger.options, schedules, clock })
  const { state, reason } = reporter.health()
  assert.equal(state, 'degraded')
  for (const name of [damaged, 'of-others.zip', 'no-json.zip']) assert.ok(reason?.includes(name))
  await until(async () => (await reporter.list()).some((run) => run.state === 'failed'))
  const [failed] = await reporter.list()
  assert.match(failed?.reason ?? '', /is there already, and is no report that can be read/)
  assert.equal(await readFile(join(directory, damaged), 'utf8'), 'what is left of a report')
})

test('a scheduled report that failed is made at the next time of the schedule, and /healthz says so until then', async (t) => {
  const report = { control: 'au-2', schedule: '* * * * *', period: 'hour', parameters: {} } as const
  await using ledger = await aReportedLedger(t)
  const hourMs = 3_600_000
  let nowMs = (Math.floor(systemClock.nowMs() / hourMs) + 1) * hourMs + 700_000
  const clock = { ...systemClock, nowMs: () => (nowMs += 30_000) }
  let isAway = true
  const reader = new Proxy(ledger.reader, {
    get: (target, name) => {
      if (isAway && name === 'entries') throw new Error('the disk does not answer')
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
  await using reporter = await openReporter({
    ...ledger.options,
    schedules: [report],
    clock,
    reader,
  })
  await until(async () => (await reporter.list()).some(({ state }) => state === 'failed'))
  assert.deepEqual(reporter.health().state, 'degraded')
  assert.match(reporter.health().reason ?? '', /au-2-hour-\S+ failed: the disk does not answer/)
  isAway = false
  reporter.catchUp(report)
  await until(async () => (await reporter.list()).every(({ state }) => state === 'done'))
  assert.deepEqual(reporter.health(), { state: 'ok' })
})
