import type { SessionPassword } from '../api/schemas/credentials.ts'
import type { ValueKind } from '../edge/guard/masking/suggestions/column-names.ts'
import type { SampledColumn } from '../edge/guard/masking/suggestions/suggestion.ts'
import { loadGrammar } from '../edge/postgres/facts/grammar.ts'
import { UncoveredViews } from '../edge/postgres/masking/uncovered-views.ts'
import type { NamedRelation } from '../edge/postgres/masking/uncovered-views.ts'
import { EdgeSession } from './adapters/edge-session.ts'

export interface ScanOptions {
  /** The most rows that are read of a table. */
  readonly rows: number
  /** No table is begun after this time. */
  readonly untilMs: number
  /** Columns that are not looked at, as `schema.table.column` without quotes. */
  readonly isKnown: (schema: string, relation: string, column: string) => boolean
  /** Is told of each table before it is read. */
  readonly onTable: (name: string, at: number, of: number) => void
}

export interface Scan {
  readonly tables: number
  /** Views with columns that the classification of tables does not cover. */
  readonly views: number
  readonly columns: readonly SampledColumn[]
  /** Tables and views of which no values were seen, and why. Their columns are in `columns`, without values. */
  readonly notLookedAt: readonly { readonly table: string; readonly why: string }[]
}

/** Texts longer than this are cut; JSON longer than that is left out, since a part of it is none. */
const mostCharacters = 1_000
const mostJsonCharacters = 10_000
/** A table with many columns gives fewer rows. */
const mostTableCharacters = 8_000_000
const leastRows = 10
const statementTimeoutMs = 15_000

/**
 * Reads a sample of every table of a target through its edge: each statement is decided by policy and recorded like any other of
 * whoever the password was issued to. What views show of tables is masked as it is there; only their other columns are looked at.
 * Throws when the catalog may not be read, and when the session ends.
 */
export async function scanTarget(issued: SessionPassword, options: ScanOptions): Promise<Scan> {
  await using session = await EdgeSession.open(issued, statementTimeoutMs)
  const catalog = await session.ask(catalogQuery)
  if (!catalog.ok) {
    throw new Error(
      `the catalog of ${issued.target} cannot be read: ${catalog.message}; scan as somebody whom a rule lets read pg_catalog.*`,
    )
  }
  const relations = relationsOf(catalog.rows)
  const tables = relations.filter(({ definition }) => definition === null)
  const views = await uncoveredViews(relations)
  const scanned = [...tables, ...views]
  const columns: SampledColumn[] = []
  const notLookedAt: { table: string; why: string }[] = []
  for (const [index, table] of scanned.entries()) {
    const name = `${table.schema}.${table.relation}`
    const open = table.columns.filter(
      ({ column }) => !options.isKnown(table.schema, table.relation, column),
    )
    if (open.length === 0) continue
    options.onTable(name, index + 1, scanned.length)
    const sample =
      Date.now() < options.untilMs
        ? await sampleOf(session, { ...table, columns: open }, options.rows)
        : ({ ok: false, sqlState: '', message: 'the time for the scan was over' } as const)
    if (!sample.ok) notLookedAt.push({ table: name, why: sample.message })
    open.forEach(({ column, kind }, place) => {
      const values = sample.ok ? sample.rows.map((row) => row[place] ?? null) : []
      columns.push({ schema: table.schema, relation: table.relation, column, kind, values })
    })
  }
  return { tables: tables.length, views: views.length, columns, notLookedAt }
}

interface Relation {
  readonly schema: string
  readonly relation: string
  /** As the server last estimated; negative where it never did, and where rows cannot be sampled. */
  readonly estimatedRows: number
  /** Of a view. */
  readonly definition: string | null
  readonly columns: readonly { readonly column: string; readonly kind: ValueKind }[]
}

/** Each with only the columns whose mask does not follow from that of tables. */
async function uncoveredViews(relations: readonly Relation[]): Promise<readonly Relation[]> {
  const uncovered = new UncoveredViews(await loadGrammar(), relations.map(named))
  return relations.flatMap((view) => {
    const { definition } = view
    if (definition === null) return []
    const names = uncovered.columnsOf({ ...named(view), definition })
    const columns = view.columns.filter(({ column }) => names.includes(column))
    return columns.length === 0 ? [] : [{ ...view, columns }]
  })
}

function named({ schema, relation, columns }: Relation): NamedRelation {
  return { schema, relation, columns: columns.map(({ column }) => column) }
}

async function sampleOf(session: EdgeSession, table: Relation, mostRows: number) {
  const { columns, estimatedRows } = table
  const fitting = Math.floor(mostTableCharacters / (columns.length * mostCharacters))
  const rows = Math.min(mostRows, Math.max(leastRows, fitting))
  const shown = columns.map(shownAs).join(', ')
  const from = `${quoted(table.schema)}.${quoted(table.relation)}`
  // Of a large table from all over it; what little a sample misses is made up for by the first rows.
  const percent = (rows * 2_000) / Math.max(1, estimatedRows)
  if (percent < 50) {
    const sampled = await session.ask(
      `SELECT ${shown} FROM ${from} TABLESAMPLE system (${percent.toPrecision(3)}) LIMIT ${rows}`,
    )
    if (!sampled.ok || sampled.rows.length > 0) return sampled
  }
  return session.ask(`SELECT ${shown} FROM ${from} LIMIT ${rows}`)
}

/** Nothing of what cannot be told by its values. */
function shownAs({ column, kind }: Relation['columns'][number]): string {
  const text = `${quoted(column)}::text`
  if (kind === 'text' || kind === 'number') return `left(${text}, ${mostCharacters})`
  if (kind === 'json') return `CASE WHEN length(${text}) <= ${mostJsonCharacters} THEN ${text} END`
  return 'NULL'
}

function relationsOf(rows: readonly (readonly (string | null)[])[]): readonly Relation[] {
  const relations = new Map<string, Relation & { columns: Relation['columns'][number][] }>()
  for (const [schema, relation, estimate, definition, column, category, type] of rows) {
    const key = JSON.stringify([schema, relation])
    const known = relations.get(key) ?? {
      schema: schema ?? '',
      relation: relation ?? '',
      estimatedRows: Number(estimate),
      definition: definition ?? null,
      columns: [],
    }
    relations.set(key, known)
    known.columns.push({ column: column ?? '', kind: kindOf(category ?? '', type ?? '') })
  }
  return [...relations.values()]
}

/** By the category and the name of the type; of a domain, of the type below it. */
function kindOf(category: string, type: string): ValueKind {
  if (type === 'json' || type === 'jsonb') return 'json'
  const kinds: Readonly<Record<string, ValueKind>> = { S: 'text', N: 'number', D: 'date' }
  return kinds[category] ?? 'other'
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

const catalogQuery = `
SELECT n.nspname, c.relname, CASE WHEN c.relkind IN ('v', 'f') THEN -1 ELSE c.reltuples END,
  CASE WHEN c.relkind IN ('v', 'm') AND a.attnum = 1 THEN pg_catalog.pg_get_viewdef(c.oid) END,
  a.attname, b.typcategory, b.typname
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid
JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
JOIN pg_catalog.pg_type b ON b.oid = CASE WHEN t.typbasetype = 0 THEN t.oid ELSE t.typbasetype END
WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm') AND NOT c.relispartition AND c.relpersistence <> 't'
  AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY n.nspname, c.relname, a.attnum`
