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
      return select === undefined ? 1 : selectBound(select)
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
  const limit =
    select['limitOption'] === 'LIMIT_OPTION_COUNT' ? limitOf(select['limitCount']) : null
  if (written === 0) return limit
  return limit === null ? written : Math.min(written, limit)
}

function limitOf(count: unknown): number | null {
  const constant = (count as Record<string, Message> | undefined)?.['A_Const']
  const integer = constant?.['ival'] as { ival?: number } | undefined
  // Protobuf's JSON leaves out a zero.
  return integer === undefined ? null : (integer.ival ?? 0)
}
