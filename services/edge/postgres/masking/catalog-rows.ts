import type { TargetAddress, TargetLogin } from '../target/target-connection.ts'
import { queryTarget } from '../snapshot/query-target.ts'
import { couplingsIn, couplingsQuery } from './coupling-rows.ts'
import type { Coupling } from './couplings.ts'

/** What masking needs of a target's catalog. */
export interface CatalogRows {
  /** Every column of every table and view, in order of its number. */
  readonly columns: readonly {
    readonly oid: number
    readonly schema: string
    readonly relation: string
    readonly number: number
    readonly column: string
  }[]
  readonly inheritance: readonly { readonly child: number; readonly parent: number }[]
  /** Views and materialised views, other than the server's own, with what they select. */
  readonly views: readonly { readonly oid: number; readonly definition: string }[]
  /** Columns that are computed from others of their row, each as a SELECT of its expression. */
  readonly generated: readonly {
    readonly oid: number
    readonly number: number
    readonly definition: string
  }[]
  readonly couplings: readonly Coupling[]
}

/** Reads the catalog as one snapshot. Throws `TargetError` when it cannot. */
export async function readCatalog(
  target: TargetAddress,
  login: TargetLogin,
  signal: AbortSignal,
): Promise<CatalogRows> {
  const [columns, inheritance, views, generated, couplings] = await queryTarget(
    target,
    login,
    [
      'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY',
      columnsQuery,
      inheritanceQuery,
      viewsQuery,
      generatedQuery,
      couplingsQuery,
    ],
    signal,
  ).then(([, ...results]) => results)
  return {
    columns: (columns ?? []).map(([oid, schema, relation, number, column]) => ({
      oid: Number(oid),
      schema: schema ?? '',
      relation: relation ?? '',
      number: Number(number),
      column: column ?? '',
    })),
    inheritance: (inheritance ?? []).map(([child, parent]) => ({
      child: Number(child),
      parent: Number(parent),
    })),
    views: (views ?? []).map(([oid, definition]) => ({
      oid: Number(oid),
      definition: definition ?? '',
    })),
    generated: (generated ?? []).map(([oid, number, definition]) => ({
      oid: Number(oid),
      number: Number(number),
      definition: definition ?? '',
    })),
    couplings: couplingsIn(couplings ?? []),
  }
}

const columnsQuery = `
SELECT c.oid, n.nspname, c.relname, a.attnum, a.attname
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S', 't') AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY c.oid, a.attnum`

const inheritanceQuery = 'SELECT inhrelid, inhparent FROM pg_catalog.pg_inherits'

const viewsQuery = `
SELECT c.oid, pg_catalog.pg_get_viewdef(c.oid)
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('v', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema')`

const generatedQuery = `
SELECT a.attrelid, a.attnum,
  pg_catalog.format('SELECT %s FROM %I.%I', pg_catalog.pg_get_expr(d.adbin, d.adrelid), n.nspname, c.relname)
FROM pg_catalog.pg_attribute a
JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE a.attgenerated <> '' AND NOT a.attisdropped`
