import assert from 'node:assert/strict'
import { test } from 'node:test'

import { aDirectory } from '../../support/a-ledger.ts'
import { killLedgerAgainAndAgain } from '../../support/kill-ledger.ts'

const kills = Number(process.env['FAULT_LEDGER_KILLS'] ?? 3)

test(`a ledger that is killed ${kills} times under load seals everything once, and verifies`, async (t) => {
  const acknowledged = await killLedgerAgainAndAgain(await aDirectory(t), kills, Math.random)
  t.diagnostic(`${acknowledged} acknowledged events, each sealed once`)
  assert.ok(acknowledged > 0)
})
