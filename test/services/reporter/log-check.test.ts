import assert from 'node:assert/strict'
import { test } from 'node:test'

import { signCheckpoint } from '../../../services/ledger/proof/checkpoint.ts'
import { formatVkey } from '../../../services/ledger/proof/note.ts'
import type { LedgerReader } from '../../../services/ledger/reader.ts'
import { keptCheckpoints } from '../../../services/reporter/kept-checkpoints.ts'
import { verifyBundle } from '../../../services/reporter/verify.ts'
import type { LogSource } from '../../../services/reporter/verify/log-check.ts'
import { ChainOfEvents } from '../../support/a-ledger.ts'
import { aDaysWork, aReportedLedger } from '../../support/a-reported-ledger.ts'
import { bundleOf } from '../../support/a-told-report.ts'

/** More events than a sample takes. */
function aBusyDay(): Buffer[] {
  const chain = new ChainOfEvents()
  return Array.from({ length: 5 }, () => aDaysWork(chain)).flat()
}

function logOf(reader: LedgerReader): LogSource {
  return {
    async *entries(origin, size) {
      for await (const { leafBytes } of reader.entries(origin, 0, size)) yield leafBytes
    },
  }
}

async function saidOf(
  bundle: Buffer,
  logs: LogSource,
  earlier: readonly string[] = [],
): Promise<readonly string[]> {
  const outcome = await verifyBundle(bundle, { logs, earlier })
  return outcome.ok ? [] : outcome.problems.map(({ sentence }) => sentence)
}

test('a report that leaves entries out, or changes what they say, verifies by itself and not beside the log', async (t) => {
  await using ledger = await aReportedLedger(t, {}, aBusyDay())
  const log = logOf(ledger.reader)
  const [head] = await ledger.reader.logs()
  assert.ok(head !== undefined)

  const honest = await bundleOf(ledger)
  const outcome = await verifyBundle(honest, { logs: log })
  assert.ok(outcome.ok)
  assert.equal(outcome.facts['left out'], 'nothing: each of 106 entries was compared')

  const without = await bundleOf(ledger, (entry) =>
    [17, 18, 60].includes(entry.position) ? [] : [entry],
  )
  const alone = await verifyBundle(without)
  assert.ok(alone.ok)
  assert.equal(alone.facts['left out'], 'not checked: that takes a copy of the log')
  assert.deepEqual(await saidOf(without, log), [
    `population/events.csv leaves out entries that the log has in the period: 17, 18, 60 of ${head.origin}.`,
  ])

  // In the sample somebody would notice it without the log, too.
  const changed = await bundleOf(ledger, (entry) => {
    const { leaf } = entry
    const isBlocked = leaf.type === 'event' && leaf.ix.outcome === 'block'
    return [isBlocked ? { ...entry, leaf: { ...leaf, prod: 'edge-2' } } : entry]
  })
  const said = await saidOf(changed, log)
  assert.match(said.at(-1) ?? '', /says something else than the log of the entries: \d+, \d+/)
})

test('a copy of another log, and one that is none, are told apart from the one of the report', async (t) => {
  await using ledger = await aReportedLedger(t)
  await using other = await aReportedLedger(t)
  const bundle = await bundleOf(ledger)
  const [another] = await saidOf(bundle, logOf(other.reader))
  assert.match(another ?? '', /that you gave is another one than that of the report/)
  const [none] = await saidOf(bundle, {
    async *entries(origin) {
      for await (const { leafBytes } of ledger.reader.entries(origin, 1, 5)) yield leafBytes
    },
  })
  assert.match(none ?? '', /cannot be compared: entry 0 says that it is entry 1/)
})

test('what was kept from earlier shows a log that was rewritten by whoever has its key, set back, or left out', async (t) => {
  await using ledger = await aReportedLedger(t)
  const log = logOf(ledger.reader)
  const [head] = await ledger.reader.logs()
  assert.ok(head !== undefined)
  const { origin, size, root } = head
  const first = await bundleOf(ledger)
  await ledger.seal(aDaysWork(new ChainOfEvents('edge-2')))
  const second = await bundleOf(ledger)
  assert.deepEqual(await saidOf(second, log, keptCheckpoints(first)), [])
  const [younger] = await saidOf(first, log, keptCheckpoints(second))
  assert.match(younger ?? '', /had 43 entries in the checkpoint that you kept, and has 22/)

  const { key } = ledger
  const signed = (of: string, entries: number, hash: Buffer): Promise<string> =>
    signCheckpoint(
      { origin: of, size: entries, root: hash },
      {
        name: of,
        vkey: formatVkey(of, key.publicKey),
        publicKey: key.publicKey,
        sign: (message) => key.sign(message),
      },
    )
  assert.deepEqual(await saidOf(second, log, [await signed(origin, size, root)]), [])
  const [rewritten] = await saidOf(second, log, [await signed(origin, 7, Buffer.alloc(32, 1))])
  assert.match(rewritten ?? '', /was rewritten: its first 7 entries are others/)
  const [gone] = await saidOf(second, log, [await signed(`${origin}x`, 7, root)])
  assert.match(gone ?? '', /of which you kept a checkpoint of 7 entries, is not in this report/)
  await using stranger = await aReportedLedger(t)
  const [foreign] = await saidOf(
    second,
    log,
    (await stranger.reader.logs()).map(({ checkpoint }) => checkpoint),
  )
  assert.match(foreign ?? '', /signed by another key than the log of this report/)
})
