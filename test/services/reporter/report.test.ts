import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'

import { openReporter } from '../../../services/reporter/reporter.ts'
import { verifyBundle } from '../../../services/reporter/verify.ts'
import { aReportedLedger, dayStartMs } from '../../support/a-reported-ledger.ts'

const aDay = { control: 'au-2', fromMs: dayStartMs, toMs: dayStartMs + 86_400_000 } as const

test('a report covers every event of its period, is recorded, and verifies with its key', async (t) => {
  await using ledger = await aReportedLedger(t)
  const { options, recorded } = ledger
  await using reporter = await openReporter(options)
  const begun = await reporter.start({ ...aDay, trigger: 'ad_hoc' })
  assert.equal(begun.state, 'running')
  const run = await reporter.finished(begun.id)
  assert.equal(run.reason, null)
  assert.equal(run.population, 21)
  const path = await reporter.bundle(run.id)
  const bytes = await readFile(path ?? '')
  const outcome = await verifyBundle(bytes, { keyFingerprint: run.keyFingerprint ?? '' })
  assert.deepEqual(outcome.ok ? [] : outcome.problems, [])
  assert.equal(recorded[0]?.type, 'report.generated')
})
