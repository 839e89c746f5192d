import assert from 'node:assert/strict'
import { test } from 'node:test'

import { killAgainAndAgain } from './kills.ts'
import type { KillsOutcome } from './kills.ts'

const kills = Number(process.env['FAULT_KILLS'] ?? 3)

test('strict: after every kill -9 under load, what a client was told is sealed once, and the ledger verifies', async (t) => {
  const outcome = await killAgainAndAgain('strict', kills, (line) => {
    t.diagnostic(line)
  })
  t.diagnostic(summary(outcome))
  assert.ok(outcome.acknowledged >= kills, 'there was a load')
  assert.deepEqual(outcome.missing, [])
  assert.equal(outcome.unexplainedRows, 0, 'nothing reached the target unrecorded')
  assert.deepEqual(outcome.acknowledgedUnknown, [])
})

test('batched: the same, since what was recorded outlives the process before anybody learns of it', async (t) => {
  const outcome = await killAgainAndAgain('batched', Math.max(2, Math.ceil(kills / 4)), (line) => {
    t.diagnostic(line)
  })
  t.diagnostic(summary(outcome))
  assert.ok(outcome.acknowledged >= outcome.kills, 'there was a load')
  assert.deepEqual(outcome.missing, [])
  assert.equal(outcome.unexplainedRows, 0, 'nothing reached the target unrecorded')
  assert.deepEqual(outcome.acknowledgedUnknown, [])
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
