import { DatabaseSync } from 'node:sqlite'

import type { HeadRegister, SignedHead } from '../../storage/head-register.ts'

/** The heads of all logs in one small database, which may stand on other storage than the logs. Swaps are transactions. */
export class SqliteHeadRegisters implements Disposable {
  readonly #database: DatabaseSync

  constructor(file: string) {
    this.#database = new DatabaseSync(file, { timeout: 5000 })
    this.#database.exec(`
      PRAGMA journal_mode = DELETE;
      PRAGMA synchronous = EXTRA;
      CREATE TABLE IF NOT EXISTS head (
        origin TEXT PRIMARY KEY, size INTEGER NOT NULL, root BLOB NOT NULL, checkpoint TEXT NOT NULL, signed_at_ms INTEGER NOT NULL
      ) STRICT, WITHOUT ROWID;`)
  }

  origins(): Promise<readonly string[]> {
    return settle(() =>
      this.#database
        .prepare('SELECT origin FROM head ORDER BY origin')
        .all()
        .map((row) => String(row['origin'])),
    )
  }

  of(origin: string): HeadRegister {
    const database = this.#database
    const select = database.prepare(
      'SELECT size, root, checkpoint, signed_at_ms FROM head WHERE origin = ?',
    )
    const upsert = database.prepare(
      'INSERT OR REPLACE INTO head (origin, size, root, checkpoint, signed_at_ms) VALUES (?, ?, ?, ?, ?)',
    )
    const readNow = (): SignedHead | null => {
      const row = select.get(origin)
      if (row === undefined) return null
      return {
        size: Number(row['size']),
        root: Buffer.from(row['root'] as Uint8Array),
        checkpoint: String(row['checkpoint']),
        signedAtMs: Number(row['signed_at_ms']),
      }
    }
    return {
      read: () => settle(readNow),
      swap: (expected, next) =>
        settle(() => {
          database.exec('BEGIN IMMEDIATE')
          try {
            const current = readNow()
            const isExpected = (current?.checkpoint ?? null) === (expected?.checkpoint ?? null)
            if (isExpected) {
              upsert.run(origin, next.size, next.root, next.checkpoint, next.signedAtMs)
            }
            database.exec('COMMIT')
            return isExpected ? { ok: true } : { ok: false, reason: 'head_conflict' }
          } catch (error) {
            if (database.isTransaction) database.exec('ROLLBACK')
            throw error
          }
        }),
    }
  }

  [Symbol.dispose](): void {
    this.#database.close()
  }
}

// A throw of the driver becomes a rejection.
function settle<T>(work: () => T): Promise<T> {
  return new Promise((resolve) => {
    resolve(work())
  })
}
