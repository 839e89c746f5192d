import { DatabaseSync } from 'node:sqlite'

import { LedgerError } from '../../error.ts'

/**
 * Holds a directory for one writer. Node has no `flock`; an exclusive transaction of SQLite does the same: a second process and a
 * second holder in this process are refused, and the end of the holder, however it comes, frees it.
 */
export function lockFile(file: string): Disposable {
  const database = new DatabaseSync(file, { timeout: 0 })
  try {
    database.exec('BEGIN EXCLUSIVE')
  } catch (cause) {
    database.close()
    throw new LedgerError(
      'LEDGER_LOCKED',
      `${file} is held: another process has this ledger open. Stop it, or use another data directory`,
      { cause },
    )
  }
  return {
    [Symbol.dispose]: () => {
      database.close()
    },
  }
}
