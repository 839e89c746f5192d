import type { FactCollector } from './fact-collector.ts'
import { asList } from './options.ts'
import type { Message } from './options.ts'

/** What the clauses of an INSERT, UPDATE, DELETE or MERGE say beside the columns in them. */
export function noteRowWrite(found: FactCollector, type: string, body: Message): void {
  if ((type === 'UpdateStmt' || type === 'DeleteStmt') && body['whereClause'] === undefined) {
    found.flag('no_where')
  }
  const onConflict = body['onConflictClause'] as Message | undefined
  if (onConflict?.['action'] === 'ONCONFLICT_UPDATE') found.kind('update')
  for (const when of asList(body['mergeWhenClauses'])) {
    const clause = (when as Record<string, Message>)['MergeWhenClause']
    const kind = mergeKinds.get(String(clause?.['commandType']))
    if (kind !== undefined) found.kind(kind)
  }
}

/** Whether what it answers, or which rows it takes, depends on rows that are there. The server asks for SELECT then, too. */
export function looksAtTarget(type: string, body: Message): boolean {
  if (type === 'UpdateStmt' || type === 'MergeStmt') return true
  if (body['returningClause'] !== undefined) return true
  if (type === 'InsertStmt') return body['onConflictClause'] !== undefined
  return body['whereClause'] !== undefined || body['usingClause'] !== undefined
}

const mergeKinds = new Map([
  ['CMD_INSERT', 'insert'],
  ['CMD_UPDATE', 'update'],
  ['CMD_DELETE', 'delete'],
] as const satisfies readonly (readonly [string, string])[]) as ReadonlyMap<
  string,
  'insert' | 'update' | 'delete'
>
