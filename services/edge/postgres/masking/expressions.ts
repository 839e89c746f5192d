import { literalOf, namesOf } from '../facts/names.ts'
import { asList } from '../facts/options.ts'
import type { Message } from '../facts/options.ts'
import { StatementWalk } from '../facts/statement-walk.ts'

/** How many there are, of rows or of values that are not NULL, is no value of any. */
export function isCount(call: Message): boolean {
  const names = namesOf(call['funcname']) ?? []
  const [first, ...more] = asList(call['args'])
  const isOwn = names.length === 1 || names[0] === 'pg_catalog'
  const isReference = 'ColumnRef' in ((first ?? {}) as Message) && more.length === 0
  const isBare = call['agg_filter'] === undefined && call['over'] === undefined
  return isOwn && names.at(-1) === 'count' && isReference && isBare
}

/** Whether code of its own runs in it, which may read anything. */
export function isOpaque(node: unknown): boolean {
  const walk = new StatementWalk()
  walk.statement(node)
  const { unlistedFunctions, unknown } = walk.facts([node])
  return unlistedFunctions.length + unknown.length > 0
}

/** The name that the server gives a column without one, where that is simple to say. */
export function nameOf(type: string, body: Message): string | null {
  if (type === 'ColumnRef') return literalOf(asList(body['fields']).at(-1))
  return type === 'FuncCall' ? (namesOf(body['funcname'])?.at(-1) ?? null) : null
}

/** A function in FROM is called by its own name. */
export function nameOfFunction(body: Message): string | null {
  const list = (asList(body['functions'])[0] as Record<string, Message> | undefined)?.['List']
  const call = (asList(list?.['items'])[0] as Record<string, Message> | undefined)?.['FuncCall']
  return namesOf(call?.['funcname'])?.at(-1) ?? null
}
