import { queryTarget, TargetQuestions } from '../snapshot/query-target.ts'
import type { Row } from '../snapshot/query-target.ts'
import type { TargetAddress, TargetLogin } from '../target/target-connection.ts'
import { TargetError } from '../target/target-error.ts'

/**
 * A mark of the catalog, another one whenever something has changed that `readRoutines` or masking reads: how many rows of users each
 * of its tables has of each transaction that wrote some (xmin). What a transaction inserts or changes has its number, which no row had
 * before; what it deletes is missing from those of another.
 *
 * Left out: which functions belong to an extension, and settings of a file; the reading that comes every while sees them.
 */
const markQuery = `
SELECT encode(sha256(convert_to(
  string_agg(concat_ws(' ', t, x, n), ',' ORDER BY t, x::text), 'UTF8')), 'hex')
FROM (${[
  rowsOf('pg_proc', 'WHERE oid >= 16384'),
  rowsOf('pg_operator', 'WHERE oid >= 16384'),
  rowsOf('pg_cast', 'WHERE oid >= 16384'),
  rowsOf('pg_trigger', 'WHERE oid >= 16384'),
  rowsOf('pg_rewrite', 'WHERE oid >= 16384'),
  rowsOf('pg_policy', ''),
  rowsOf('pg_event_trigger', ''),
  rowsOf('pg_type', 'WHERE oid >= 16384'),
  // Columns, also of rows that are types.
  rowsOf('pg_attribute', 'WHERE attrelid >= 16384 AND attnum > 0'),
  rowsOf('pg_constraint', 'WHERE oid >= 16384'),
  rowsOf('pg_attrdef', ''),
  rowsOf('pg_index', 'WHERE indexrelid >= 16384'),
  rowsOf('pg_partitioned_table', ''),
  rowsOf('pg_inherits', ''),
  // Public is older than what users make.
  rowsOf('pg_namespace', ''),
  // What sessions begin with: their search_path.
  rowsOf('pg_db_role_setting', ''),
].join('\nUNION ALL ')}) AS marks`

/** Below 16384 are the objects of initdb. */
function rowsOf(table: string, condition: string): string {
  return `SELECT '${table}' AS t, xmin AS x, count(*) AS n FROM pg_catalog.${table} ${condition} GROUP BY xmin`
}

/** On a connection for this one question. Throws `TargetError`. */
export async function markOf(
  target: TargetAddress,
  login: TargetLogin,
  signal: AbortSignal,
): Promise<string> {
  const [rows = []] = await queryTarget(target, plain(login), [markQuery], signal)
  return markIn(rows)
}

/** Asks for the mark over and over, on a connection that is kept from one time to the next; one question at a time. */
export class CatalogLook {
  readonly #target: TargetAddress
  readonly #login: TargetLogin
  #questions: TargetQuestions | null = null

  constructor(target: TargetAddress, login: TargetLogin) {
    this.#target = target
    this.#login = plain(login)
  }

  /** Throws `TargetError`; the next time begins with another connection. Takes no longer than 5 s. */
  async mark(signal: AbortSignal): Promise<string> {
    const limit = new AbortController()
    const stop = (): void => limit.abort()
    const timer = setTimeout(stop, longestMs)
    signal.addEventListener('abort', stop, { once: true })
    try {
      this.#questions ??= await TargetQuestions.open(this.#target, this.#login, limit.signal)
      return markIn(await this.#questions.ask(markQuery, limit.signal))
    } catch (error) {
      this.close()
      throw error
    } finally {
      clearTimeout(timer)
      signal.removeEventListener('abort', stop)
    }
  }

  close(): void {
    this.#questions?.close()
    this.#questions = null
  }
}

const longestMs = 5_000

/** Nothing of the target's users is found by a bare name. */
function plain(login: TargetLogin): TargetLogin {
  return { ...login, settings: new Map([['search_path', 'pg_catalog']]) }
}

function markIn([row]: readonly Row[]): string {
  if (row?.[0] != null) return row[0]
  throw new TargetError('TARGET_PROTOCOL', 'the target gave no mark of its catalog')
}
