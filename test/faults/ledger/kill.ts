import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

import { killLedgerAgainAndAgain } from '../../support/kill-ledger.ts'

/** The ledger alone, killed at many random moments under load. Throws when anything is lost, sealed twice or does not verify. */
export async function run(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: { kills: { type: 'string', default: '100' } },
  })
  const directory = await mkdtemp(join(tmpdir(), 'affidavit-faults-'))
  try {
    const kills = Number(values.kills)
    const acknowledged = await killLedgerAgainAndAgain(directory, kills, Math.random)
    console.log(`${kills} kills: ${acknowledged} acknowledged events, each sealed once; verified`)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}
