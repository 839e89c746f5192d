import type { SessionPassword } from '../api/schemas/credentials.ts'
import type { ValueKind } from '../edge/guard/masking/suggestions/column-names.ts'
import type { SampledColumn } from '../edge/guard/masking/suggestions/suggestion.ts'
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
  readonly columns: readonly SampledColumn[]
  /** Tables of which no values were seen, and why. Their columns are in `columns`, without values. */
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
 * whoever the password was issued to. Views show what their tables have, and are left out. Throws when the catalog may not be
 * read, and when the session ends.
 */
export async function scanTarget(issued: SessionPassword, options: ScanOptions): Promise<Scan> {
  await using session = await EdgeSession.open(issued, statementTimeoutMs)
  const catalog = await session.ask(catalogQuery)
  if (!catalog.ok) {
    throw new Error(
      `the catalog of ${issued.target} cannot be read: ${catalog.message}; scan as somebody whom a rule lets read pg_catalog.*`,
    )
  }
  const tables = tablesOf(catalog.rows)
  const columns: SampledColumn[] = []
  const notLookedAt: { table: string; why: string }[] = []
  for (const [index, table] of tables.entries()) {
    const name = `${table.schema}.${table.relation}`
    const open = table.columns.filter(
      ({ column }) => !options.isKnown(table.schema, table.relation, column),
    )
    if (open.length === 0) continue
    options.onTable(name, index + 1, tables.length)
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
  return { tables: tables.length, columns, notLookedAt }
}

interface Table {
  readonly schema: string
  readonly relation: string
  /** As the server last estimated; negative where it never did. */
  readonly estimatedRows: number
  readonly columns: readonly { readonly column: string; readonly kind: ValueKind }[]
}

async function sampleOf(session: EdgeSession, table: Table, mostRows: number) {
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
function shownAs({ column, kind }: Table['columns'][number]): string {
  const text = `${quoted(column)}::text`
  if (kind === 'text' || kind === 'number') return `left(${text}, ${mostCharacters})`
  if (kind === 'json') return `CASE WHEN length(${text}) <= ${mostJsonCharacters} THEN ${text} END`
  return 'NULL'
}

function tablesOf(rows: readonly (readonly (string | null)[])[]): readonly Table[] {
  const tables = new Map<string, Table & { columns: { column: string; kind: ValueKind }[] }>()
  for (const [schema, relation, estimate, column, category, type] of rows) {
    const key = JSON.stringify([schema, relation])
    const table = tables.get(key) ?? {
      schema: schema ?? '',
      relation: relation ?? '',
      estimatedRows: Number(estimate),
      columns: [],
    }
    tables.set(key, table)
    table.columns.push({ column: column ?? '', kind: kindOf(category ?? '', type ?? '') })
  }
  return [...tables.values()]
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
SELECT n.nspname, c.relname, c.reltuples, a.attname, b.typcategory, b.typname
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid
JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
JOIN pg_catalog.pg_type b ON b.oid = CASE WHEN t.typbasetype = 0 THEN t.oid ELSE t.typbasetype END
WHERE c.relkind IN ('r', 'p', 'f') AND NOT c.relispartition AND c.relpersistence <> 't'
  AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY n.nspname, c.relname, a.attnum`
