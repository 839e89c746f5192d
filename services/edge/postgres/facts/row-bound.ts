import { builtinFunctions, setReturningFunctions } from './builtin-functions.ts'
import { namesOf } from './names.ts'
import { transactionKinds } from './statement-kinds.ts'
import { asList } from './options.ts'
import type { Message } from './options.ts'

/**
 * How many rows a message answers or changes at most, as its text says: rows that are written out, and LIMIT. Null where the
 * text leaves it open.
 */
export function rowBound(statements: readonly unknown[]): number | null {
  let rows = 0
  for (const statement of statements) {
    const bound = boundOf(statement)
    if (bound === null) return null
    rows += bound
  }
  return rows
}

function boundOf(statement: unknown): number | null {
  const [type, body] = Object.entries((statement ?? {}) as Record<string, Message>)[0] ?? []
  // A WITH clause may hold writes of its own.
  if (type === undefined || body === undefined || body['withClause'] !== undefined) return null
  switch (type) {
    case 'SelectStmt':
      return selectBound(body)
    case 'InsertStmt': {
      const select = (body['selectStmt'] as Record<string, Message> | undefined)?.['SelectStmt']
      if (select === undefined) return 1
      // One row of VALUES is to an INSERT a list of a SELECT, in which a function or an operator may answer many rows.
      const rows = asList(select['valuesLists'])
      return rows.length === 1 && mayAnswerRows(rows) ? limitOfSelect(select) : selectBound(select)
    }
    case 'TransactionStmt':
      return transactionKinds.has(String(body['kind'])) ? 0 : null
    default:
      return null
  }
}

function selectBound(select: Message): number | null {
  if (select['withClause'] !== undefined) return null
  const written = asList(select['valuesLists']).length
  const limit = limitOfSelect(select)
  if (written === 0) return limit
  return limit === null ? written : Math.min(written, limit)
}

function limitOfSelect(select: Message): number | null {
  if (select['withClause'] !== undefined) return null
  return select['limitOption'] === 'LIMIT_OPTION_COUNT' ? limitOf(select['limitCount']) : null
}

/** Whether a value may be many: by a function that answers a set. A subquery answers one. */
function mayAnswerRows(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  if (Array.isArray(value)) return (value as unknown[]).some(mayAnswerRows)
  return Object.entries(value as Record<string, Message>).some(([key, inner]) => {
    switch (key) {
      case 'SelectStmt':
        return false
      case 'FuncCall':
        return !answersOne(namesOf(inner['funcname']) ?? []) || mayAnswerRows(inner)
      // The name of an operator's schema; `(x).f`, which may be a call of f.
      case 'A_Expr':
        return (namesOf(inner['name']) ?? []).length > 1 || mayAnswerRows(inner)
      case 'A_Indirection':
        return true
      default:
        return mayAnswerRows(inner)
    }
  })
}

function answersOne(name: readonly string[]): boolean {
  const bare = name.at(-1) ?? ''
  const isTheServers = name.length === 1 || (name.length === 2 && name[0] === 'pg_catalog')
  const isKnown = builtinFunctions.has(bare) || bare === 'nextval'
  return isTheServers && isKnown && !setReturningFunctions.has(bare)
}

function limitOf(count: unknown): number | null {
  const constant = (count as Record<string, Message> | undefined)?.['A_Const']
  const integer = constant?.['ival'] as { ival?: number } | undefined
  // Protobuf's JSON leaves out a zero.
  return integer === undefined ? null : (integer.ival ?? 0)
}
