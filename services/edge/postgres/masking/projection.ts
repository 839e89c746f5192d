import type { Facts } from '../../guard/facts.ts'
import type { Grammar } from '../facts/grammar.ts'
import { asList } from '../facts/options.ts'
import { StatementWalk } from '../facts/statement-walk.ts'
import { lineageOf } from './lineage.ts'
import type { RelationColumns } from './lineage.ts'
import type { ShownColumn } from './shown-columns.ts'

/** A parse tree's message or node, as protobuf's JSON has it. */
type Tree = Readonly<Record<string, unknown>>

/** What one statement shows, column by column, and what it looks at besides. */
export interface Projection {
  readonly whole: Facts
  /** Null where the columns of the answer are not known, such as those of what is no SELECT. */
  readonly columns: readonly ShownColumn[] | null
  /** What is used in any other way than to be shown as it is: in FROM, WHERE and the like, and in expressions. */
  readonly used: Facts
  /** Whether rows are sorted, grouped or compared by what is shown: then the order or the number of rows tells of values. */
  readonly arrangesByShown: boolean
  /** What an INSERT, UPDATE or MERGE stores, a table is filled with or defaults are; null for a statement that stores nothing. */
  readonly stored: Facts | null
}

/** Null for a text that is not exactly one statement, or that the grammar does not take. */
export function projectionOf(
  grammar: Grammar,
  sql: string,
  relations: RelationColumns,
): Projection | null {
  const parsed = grammar.parse(sql)
  if (!parsed.ok || parsed.statements.length !== 1) return null
  const [statement] = parsed.statements as readonly Tree[]
  if (statement === undefined) return null
  const [[type, body] = ['', {}]] = Object.entries(statement) as [string, Tree][]
  if (type === 'SelectStmt') return projectionOfSelect(statement, body, relations)
  return {
    whole: factsOfTree(statement),
    columns: null,
    used: factsOfTree(statement),
    arrangesByShown: true,
    stored: storing.has(type) ? factsOfTree({ [type]: without(body, notStored) }) : null,
  }
}

const storing: ReadonlySet<string> = new Set([
  'InsertStmt',
  'UpdateStmt',
  'MergeStmt',
  'CreateTableAsStmt',
  // By the defaults of columns, old rows and later ones too.
  'CreateStmt',
  'AlterTableStmt',
  'CreateDomainStmt',
  'AlterDomainStmt',
])
const notStored = ['whereClause', 'returningClause', 'returningList']
const arranging = ['distinctClause', 'groupClause', 'sortClause', 'windowClause', 'havingClause']

function projectionOfSelect(statement: Tree, body: Tree, relations: RelationColumns): Projection {
  const targets = asList(body['targetList']) as readonly Tree[]
  // Of a set operation, and of VALUES, there are none.
  const isTold = targets.length > 0 && !targets.some(hasStar)
  return {
    whole: factsOfTree(statement),
    columns: lineageOf(body, relations),
    used: factsOfTree({
      SelectStmt: { ...body, targetList: targets.filter((target) => !isPlain(target)) },
    }),
    arrangesByShown: !isTold || arranging.some((clause) => body[clause] !== undefined),
    stored: body['intoClause'] === undefined ? null : factsOfTree(statement),
  }
}

function expressionOf(target: Tree): Tree {
  return ((target['ResTarget'] as Tree | undefined)?.['val'] ?? {}) as Tree
}

function isPlain(target: Tree): boolean {
  return 'ColumnRef' in expressionOf(target)
}

/** `*`, `t.*`, and `(row).*`. */
function hasStar(target: Tree): boolean {
  const { ColumnRef, A_Indirection } = expressionOf(target) as Record<string, Tree | undefined>
  const fields = asList(ColumnRef?.['fields'] ?? A_Indirection?.['indirection'])
  return fields.some((field) => 'A_Star' in (field as Tree))
}

function without(body: Tree, keys: readonly string[]): Tree {
  return Object.fromEntries(Object.entries(body).filter(([key]) => !keys.includes(key)))
}

function factsOfTree(statement: Tree): Facts {
  const walk = new StatementWalk()
  walk.statement(statement)
  return walk.facts([statement])
}
