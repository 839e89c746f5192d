import type { TargetAddress, TargetLogin } from '../target/target-connection.ts'
import { queryTarget } from '../snapshot/query-target.ts'
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
    couplings: (couplings ?? []).map(([relation, other, isOnRead, isRule]) => ({
      relation: Number(relation),
      other: other == null ? null : Number(other),
      isOnRead: isOnRead === 't',
      isRule: isRule === 't',
    })),
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

// What rules, row policies, triggers, defaults, CHECKs and indexes of a relation depend on: other relations, and functions and
// operators of users. What the server itself came with is in pg_depend not at all, members of extensions are trusted like it.
const couplingsQuery = `
WITH parts (classid, objid, relation, on_read, is_rule) AS (
  SELECT 'pg_catalog.pg_rewrite'::regclass::oid, r.oid, r.ev_class, r.ev_type = '1', r.ev_type <> '1'
  FROM pg_catalog.pg_rewrite r WHERE r.ev_enabled <> 'D'
  UNION ALL
  SELECT 'pg_catalog.pg_policy'::regclass::oid, p.oid, p.polrelid, true, false FROM pg_catalog.pg_policy p
  UNION ALL
  SELECT 'pg_catalog.pg_trigger'::regclass::oid, t.oid, t.tgrelid, false, false
  FROM pg_catalog.pg_trigger t WHERE t.tgenabled <> 'D' AND t.tgconstraint = 0
  UNION ALL
  SELECT 'pg_catalog.pg_trigger'::regclass::oid, t.oid, t.tgrelid, false, false
  FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_constraint c ON c.oid = t.tgconstraint
  WHERE t.tgenabled <> 'D' AND c.contype = 't'
  UNION ALL
  SELECT 'pg_catalog.pg_attrdef'::regclass::oid, d.oid, d.adrelid, false, false FROM pg_catalog.pg_attrdef d
  UNION ALL
  SELECT 'pg_catalog.pg_constraint'::regclass::oid, c.oid, c.conrelid, false, false
  FROM pg_catalog.pg_constraint c WHERE c.contype = 'c' AND c.conrelid <> 0
  UNION ALL
  SELECT 'pg_catalog.pg_class'::regclass::oid, i.indexrelid, i.indrelid, false, false FROM pg_catalog.pg_index i
)
SELECT p.relation, d.refobjid, pg_catalog.bool_or(p.on_read), pg_catalog.bool_or(p.is_rule)
FROM parts p JOIN pg_catalog.pg_depend d ON d.classid = p.classid AND d.objid = p.objid
WHERE d.refclassid = 'pg_catalog.pg_class'::regclass AND (p.is_rule OR d.refobjid <> p.relation)
GROUP BY p.relation, d.refobjid
UNION ALL
SELECT p.relation, NULL, pg_catalog.bool_or(p.on_read), pg_catalog.bool_or(p.is_rule)
FROM parts p JOIN pg_catalog.pg_depend d ON d.classid = p.classid AND d.objid = p.objid
WHERE d.refclassid IN ('pg_catalog.pg_proc'::regclass, 'pg_catalog.pg_operator'::regclass)
  AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend e
    WHERE e.classid = d.refclassid AND e.objid = d.refobjid AND e.deptype = 'e')
GROUP BY p.relation
UNION ALL
SELECT c.confrelid, c.conrelid, false, false
FROM pg_catalog.pg_constraint c
WHERE c.contype = 'f' AND (c.confupdtype IN ('c', 'n', 'd') OR c.confdeltype IN ('c', 'n', 'd'))
UNION ALL
SELECT inhparent, inhrelid, true, false FROM pg_catalog.pg_inherits`
