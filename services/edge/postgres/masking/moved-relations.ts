import type { Grammar } from '../facts/grammar.ts'
import { asList } from '../facts/options.ts'
import type { Message } from '../facts/options.ts'

/**
 * Whether a statement of a text gives a relation or a column another name, schema, parent or child. Classifications go by names, and
 * the snapshot of the catalog by those it was read under.
 */
export function movesRelations(grammar: Grammar, text: string): boolean {
  const parsed = grammar.parse(text)
  return !parsed.ok || parsed.statements.some(moves)
}

function moves(statement: unknown): boolean {
  const [[type, body] = ['', {}]] = Object.entries(statement as Record<string, Message>)
  switch (type) {
    case 'RenameStmt':
      return renamed.has(String(body['renameType']))
    case 'AlterObjectSchemaStmt':
      return body['relation'] !== undefined
    case 'AlterTableStmt':
      return asList(body['cmds']).some((command) => {
        const { AlterTableCmd } = command as Record<string, Message | undefined>
        return inheriting.has(String(AlterTableCmd?.['subtype']))
      })
    default:
      return false
  }
}

/** ALTER INDEX, and in older servers others, take a table by its name too. */
const renamed: ReadonlySet<string> = new Set([
  'OBJECT_TABLE',
  'OBJECT_VIEW',
  'OBJECT_MATVIEW',
  'OBJECT_FOREIGN_TABLE',
  'OBJECT_INDEX',
  'OBJECT_SEQUENCE',
  'OBJECT_COLUMN',
  'OBJECT_SCHEMA',
])

const inheriting: ReadonlySet<string> = new Set([
  'AT_AddInherit',
  'AT_DropInherit',
  'AT_AttachPartition',
  'AT_DetachPartition',
  'AT_DetachPartitionFinalize',
])
