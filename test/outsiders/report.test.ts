import assert from 'node:assert/strict'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { test } from 'node:test'

import { logCopy } from '../../services/all-in-one/log-copy.ts'
import { openLedgerReader } from '../../services/ledger/adapters/files/open.ts'
import { exportC2sp } from '../../services/ledger/export.ts'
import { readZip, unpackEntry } from '../../services/reporter/bundle/zip.ts'
import { verifyBundle } from '../../services/reporter/verify.ts'
import { ChainOfEvents, aDirectory } from '../support/a-ledger.ts'
import { aDaysWork, aReportedLedger } from '../support/a-reported-ledger.ts'
import { bundleOf } from '../support/a-told-report.ts'
import { goProgram, run } from './verifier.ts'

test('Go and we accept the population of a report beside the log, and refuse one that leaves an entry out', async (t) => {
  const directory = await aDirectory(t)
  const chain = new ChainOfEvents()
  const days = Array.from({ length: 5 }, () => aDaysWork(chain)).flat()
  // A repeat belongs into no population.
  days.splice(30, 0, days[12] ?? Buffer.alloc(0))
  await using ledger = await aReportedLedger(t, {}, days)
  const bundles = {
    honest: await bundleOf(ledger),
    short: await bundleOf(ledger, (entry) => (entry.position === 40 ? [] : [entry])),
  }
  await ledger.seal(aDaysWork(new ChainOfEvents('edge-2')))
  const exported = join(directory, 'exported')
  await using view = await openLedgerReader({ directory: ledger.directory })
  const [head] = await view.reader.logs()
  assert.ok(head !== undefined)
  await exportC2sp(view.reader, head.origin, join(exported, head.origin))

  const logs = logCopy(exported)
  const ours = await verifyBundle(bundles.honest, { logs })
  assert.ok(ours.ok)
  assert.equal(ours.facts['left out'], 'nothing: each of 107 entries was compared')
  const refused = await verifyBundle(bundles.short, { logs })
  assert.ok(!refused.ok)
  assert.match(refused.problems[0]?.sentence ?? '', /leaves out entries .* in the period: 40 of/)
  const elsewhere = await verifyBundle(bundles.honest, { logs: logCopy(directory) })
  assert.ok(!elsewhere.ok)
  assert.match(
    elsewhere.problems[0]?.sentence ?? '',
    /cannot be compared: there is no .*checkpoint/,
  )

  const program = await goProgram(t, 'verify-log')
  if (program === null) return
  const judge = async (name: string, bundle: Buffer, change?: (csv: string) => string) => {
    const unpacked = join(directory, name)
    for (const entry of readZip(bundle, 10_000_000).entries) {
      await mkdir(dirname(join(unpacked, entry.path)), { recursive: true })
      await writeFile(join(unpacked, entry.path), unpackEntry(entry))
    }
    const population = join(unpacked, 'population/events.csv')
    if (change !== undefined) {
      await writeFile(population, change(await readFile(population, 'utf8')))
    }
    const log = ['-vkey', head.vkey, '-origin', head.origin]
    const ended = await run(program, [...log, '-report', unpacked, join(exported, head.origin)])
    return ended.stdout.trim()
  }
  assert.match(await judge('honest', bundles.honest), /^verified: /)
  const leftOut = 'refused: population/events.csv leaves out an entry of the period: 40'
  assert.equal(await judge('short', bundles.short), leftOut)
  const lines = (csv: string): string[] => csv.split('\n')
  assert.equal(
    await judge('without', bundles.honest, (csv) => lines(csv).toSpliced(39, 1).join('\n')),
    'refused: population/events.csv leaves out an entry of the period: 40',
  )
  assert.match(
    await judge('changed', bundles.honest, (csv) => csv.replace(',block,', ',allow,')),
    /^refused: population\/events\.csv says something else than the log of entry \d+$/,
  )
  assert.match(
    await judge('twice', bundles.honest, (csv) => `${csv}${lines(csv)[3] ?? ''}\n`),
    /^refused: events\.csv names an entry twice/,
  )
})
