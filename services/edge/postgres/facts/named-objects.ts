import { namesOf } from './names.ts'

const relations: ReadonlySet<string> = new Set([
  'OBJECT_TABLE',
  'OBJECT_VIEW',
  'OBJECT_MATVIEW',
  'OBJECT_SEQUENCE',
  'OBJECT_INDEX',
  'OBJECT_FOREIGN_TABLE',
])

/** Named by their relation's name and, last, their own. */
const partsOfRelations: ReadonlySet<string> = new Set([
  'OBJECT_COLUMN',
  'OBJECT_TRIGGER',
  'OBJECT_RULE',
  'OBJECT_POLICY',
  'OBJECT_TABCONSTRAINT',
])

/**
 * The relation that an object of DROP, COMMENT ON or SECURITY LABEL is, or is a part of; null for what is no relation.
 */
export function relationOfObject(objectType: string, object: unknown): readonly string[] | null {
  const list = (object as { List?: { items?: unknown } } | null)?.List
  const names = list === undefined ? null : namesOf(list.items)
  if (names === null) return null
  if (relations.has(objectType)) return names
  return partsOfRelations.has(objectType) && names.length > 1 ? names.slice(0, -1) : null
}
