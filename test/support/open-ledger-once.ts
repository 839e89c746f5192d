import { randomBytes } from 'node:crypto'
import { join } from 'node:path'

import { topics } from '../../services/bus/topics.ts'
import { openLedger } from '../../services/ledger/adapters/files/open.ts'
import { LedgerError } from '../../services/ledger/error.ts'
import { systemClock } from '../../services/runtime/clock.ts'
import { loadKeyFile } from '../../services/runtime/key-file.ts'
import { createLogger } from '../../services/runtime/logger.ts'

// Opens the ledger of `ledgerOptions` in the directory given, says how that went, and ends.
const directory = process.argv[2] ?? ''
try {
  await using _ledger = await openLedger({
    directory: join(directory, 'ledger'),
    operator: 'ledger.example',
    environment: 'test',
    topic: topics.auditEvents,
    partitions: 1,
    key: await loadKeyFile(join(directory, 'ledger.key')),
    clock: systemClock,
    logger: createLogger('silent'),
    randomBytes,
  })
  process.stdout.write('opened')
} catch (error) {
  process.stdout.write(error instanceof LedgerError ? error.code : String(error))
}
