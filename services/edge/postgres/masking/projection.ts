import type { Facts } from '../../guard/facts.ts'
import type { Grammar } from '../facts/grammar.ts'
import { StatementWalk } from '../facts/statement-walk.ts'

/** A parse tree's message or node, as protobuf's JSON has it. */
type Tree = Readonly<Record<string, unknown>>

/** What one statement shows, column by column, and what it looks at besides. */
export interface Projection {
  readonly whole: Facts
  /** Null where the columns of the answer cannot be told from the text: `*`, UNION, and what is no SELECT. */
  readonly columns: readonly ShownColumn[] | null
  /** What decides which rows there are: FROM, WHERE, and whatever else is not the list of columns. */
  readonly conditions: Facts
  /** Whether rows are sorted, grouped or compared by what is shown: then the order or the number of rows tells of values. */
  readonly arrangesByShown: boolean
  /** What an INSERT, UPDATE or MERGE stores or a new table is filled with; null for a statement that stores nothing. */
  readonly stored: Facts | null
}

export interface ShownColumn {
  /** Of the expression, with everything in FROM that it might show. */
  readonly facts: Facts
  /** A column by its name and nothing else. */
  readonly isPlain: boolean
}

/** Null for a text that is not exactly one statement, or that the grammar does not take. */
export function projectionOf(grammar: Grammar, sql: string): Projection | null {
  const parsed = grammar.parse(sql)
  if (!parsed.ok || parsed.statements.length !== 1) return null
  const [statement] = parsed.statements as readonly Tree[]
  if (statement === undefined) return null
  const [[type, body] = ['', {}]] = Object.entries(statement) as [string, Tree][]
  if (type === 'SelectStmt') return projectionOfSelect(statement, body)
  return {
    whole: factsOfTree(statement),
    columns: null,
    conditions: factsOfTree(statement),
    arrangesByShown: true,
    stored: storing.has(type) ? factsOfTree({ [type]: without(body, notStored) }) : null,
  }
}

const storing: ReadonlySet<string> = new Set([
  'InsertStmt',
  'UpdateStmt',
  'MergeStmt',
  'CreateTableAsStmt',
])
const notStored = ['whereClause', 'returningClause', 'returningList']
const arranging = ['distinctClause', 'groupClause', 'sortClause', 'windowClause', 'havingClause']

function projectionOfSelect(statement: Tree, body: Tree): Projection {
  const targets = body['targetList']
  const isSimple =
    Array.isArray(targets) && (body['op'] === undefined || body['op'] === 'SETOP_NONE')
  const listed = isSimple ? (targets as readonly Tree[]).map(expressionOf) : []
  const isTold =
    isSimple && listed.every((expression) => expression !== null && !hasStar(expression))
  return {
    whole: factsOfTree(statement),
    columns: isTold
      ? (targets as readonly Tree[]).map((target) => ({
          facts: factsOfTree({
            SelectStmt: { ...without(body, ['whereClause', ...arranging]), targetList: [target] },
          }),
          isPlain: 'ColumnRef' in (expressionOf(target) ?? {}),
        }))
      : null,
    conditions: factsOfTree({ SelectStmt: { ...body, targetList: [] } }),
    arrangesByShown: !isTold || arranging.some((clause) => body[clause] !== undefined),
    stored: body['intoClause'] === undefined ? null : factsOfTree(statement),
  }
}

function expressionOf(target: Tree): Tree | null {
  const value = (target['ResTarget'] as Tree | undefined)?.['val']
  return typeof value === 'object' && value !== null ? (value as Tree) : null
}

/** `*`, `t.*`, and `(row).*`. */
function hasStar(expression: Tree): boolean {
  const fields =
    (expression['ColumnRef'] as Tree | undefined)?.['fields'] ??
    (expression['A_Indirection'] as Tree | undefined)?.['indirection']
  return Array.isArray(fields) && fields.some((field) => 'A_Star' in (field as Tree))
}

function without(body: Tree, keys: readonly string[]): Tree {
  return Object.fromEntries(Object.entries(body).filter(([key]) => !keys.includes(key)))
}

function factsOfTree(statement: Tree): Facts {
  const walk = new StatementWalk()
  walk.statement(statement)
  return walk.facts([statement])
}
