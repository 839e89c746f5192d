import { asList } from './options.ts'
import type { Message } from './options.ts'

/** The columns that an INSERT, UPDATE, DELETE or MERGE changes; null for all of the relation. */
export function writtenColumns(type: string, body: Message): readonly string[] | null {
  switch (type) {
    case 'InsertStmt': {
      const conflict = targets((body['onConflictClause'] as Message | undefined)?.['targetList'])
      const inserted = targets(body['cols'])
      return inserted.length === 0 ? null : [...inserted, ...conflict]
    }
    case 'UpdateStmt':
      return targets(body['targetList'])
    case 'MergeStmt': {
      const columns: string[] = []
      for (const when of asList(body['mergeWhenClauses'])) {
        const clause = (when as Record<string, Message>)['MergeWhenClause'] ?? {}
        if (clause['commandType'] === 'CMD_NOTHING') continue
        const changed = targets(clause['targetList'])
        if (changed.length === 0) return null
        columns.push(...changed)
      }
      return columns
    }
    default:
      return null
  }
}

/** Columns whose values ON CONFLICT compares. */
export function arbiterColumns(onConflict: Message | undefined): readonly string[] {
  const infer = onConflict?.['infer'] as Message | undefined
  return asList(infer?.['indexElems'])
    .map((element) => (element as Record<string, Message>)['IndexElem']?.['name'])
    .filter((name) => typeof name === 'string')
}

function targets(list: unknown): readonly string[] {
  return asList(list)
    .map((target) => (target as Record<string, Message>)['ResTarget']?.['name'])
    .filter((name) => typeof name === 'string')
}
