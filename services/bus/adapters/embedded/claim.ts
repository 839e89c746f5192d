import { DatabaseSync } from 'node:sqlite'
import { BusError } from '../../bus.ts'

/**
 * The right to be the one writer of a bus file. It is a lock that the system drops with the process, however that ends,
 * on a small file beside it: a lock on the file itself would keep our own readers out.
 */
export function claimFile(file: string): Disposable {
  const db = new DatabaseSync(`${file}.claim`, { timeout: 0 })
  try {
    db.exec('BEGIN IMMEDIATE')
    db.exec('CREATE TABLE IF NOT EXISTS holder (id INTEGER PRIMARY KEY, pid INTEGER NOT NULL)')
    db.prepare('INSERT OR REPLACE INTO holder VALUES (1, ?)').run(process.pid)
    // Committed so that others can read who holds it; a reserved lock lets them.
    db.exec('COMMIT')
    db.exec('BEGIN IMMEDIATE')
    return { [Symbol.dispose]: () => db.close() }
  } catch (error) {
    const isHeld = error instanceof Error && 'errcode' in error && error.errcode === busy
    const cause = isHeld
      ? new BusError('BUS_UNAVAILABLE', `the bus file ${file} is held by ${readHolder(db)}`)
      : error
    db.close()
    throw cause
  }
}

/** SQLITE_BUSY */
const busy = 5

function readHolder(db: DatabaseSync): string {
  try {
    const pid = db.prepare('SELECT pid FROM holder').get()?.['pid']
    return pid === undefined ? 'another process' : `process ${String(pid)}`
  } catch {
    return 'another process'
  }
}
