import { openLedgerReader } from '../ledger/adapters/files/open.ts'
import type { Verification, VerifyOptions } from '../ledger/verification/verification.ts'
import { dataPaths } from '../runtime/config.ts'
import type { Config } from '../runtime/config.ts'

/** Verifies everything that the ledger of this configuration stores. Only reads it, so its writer may be at work. */
export async function checkLedger(config: Config, options: VerifyOptions): Promise<Verification> {
  const { ledger: directory } = dataPaths(config.dataDirectory)
  await using ledger = await openLedgerReader({ directory })
  return await ledger.verify(options)
}
