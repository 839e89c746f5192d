import assert from 'node:assert/strict'
import { test } from 'node:test'

import { aDirectory } from '../../support/a-ledger.ts'
import { killLedgerAgainAndAgain } from '../../support/kill-ledger.ts'

test('a ledger that is killed again and again seals everything once', async (t) => {
  const acknowledged = await killLedgerAgainAndAgain(await aDirectory(t), 3, Math.random)
  assert.ok(acknowledged > 0)
})
