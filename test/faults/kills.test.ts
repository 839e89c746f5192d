import assert from 'node:assert/strict'
import { test } from 'node:test'

import { killAgainAndAgain } from './kills.ts'
import type { KillsOutcome } from './kills.ts'

const kills = Number(process.env['FAULT_KILLS'] ?? 3)
/** The window of 20 ms, and what a disk and two busy cores add to it. */
const windowMs = 1_000

test('strict: after every kill -9 under load, what a client was told is sealed once, and the ledger verifies', async (t) => {
  const outcome = await killAgainAndAgain('strict', kills, (line) => {
    t.diagnostic(line)
  })
  t.diagnostic(summary(outcome))
  assert.ok(outcome.acknowledged >= kills, 'there was a load')
  assert.deepEqual(outcome.missing, [])
  assert.equal(outcome.unexplainedRows, 0, 'nothing reached the target unrecorded')
  // The request is on disk before it runs; its completion follows within the window.
  for (const { n, msBeforeKill } of outcome.acknowledgedUnknown) {
    assert.ok(msBeforeKill < windowMs, `${n} was told ${msBeforeKill} ms before the kill`)
  }
})

test('batched: a kill -9 under load loses at most what was told within the window before it', async (t) => {
  const outcome = await killAgainAndAgain('batched', Math.max(2, Math.ceil(kills / 4)), (line) => {
    t.diagnostic(line)
  })
  t.diagnostic(summary(outcome))
  for (const { n, msBeforeKill } of [...outcome.missing, ...outcome.acknowledgedUnknown]) {
    assert.ok(msBeforeKill < windowMs, `${n} was told ${msBeforeKill} ms before the kill`)
  }
})

function summary(outcome: KillsOutcome): string {
  const { missing, acknowledgedUnknown, ...numbers } = outcome
  const latest = (late: KillsOutcome['missing']): number =>
    Math.max(0, ...late.map(({ msBeforeKill }) => msBeforeKill))
  return JSON.stringify({
    ...numbers,
    acknowledgedAndMissing: missing.length,
    missingMsBeforeKill: latest(missing),
    acknowledgedUnknown: acknowledgedUnknown.length,
    unknownMsBeforeKill: latest(acknowledgedUnknown),
  })
}
