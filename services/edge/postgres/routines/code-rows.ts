import type { Row } from '../snapshot/query-target.ts'

/** Something of users that runs at a target: a function, trigger, rule and so on. */
export interface CodeObject {
  /** In PostgreSQL's words. */
  readonly kind: string
  /** With its schema, and with the types of its arguments or what it is on. */
  readonly name: string
  /** Of its row in the catalog: another one when it is defined, owned or granted otherwise, or was made anew. Hex. */
  readonly sha256: string
}

export function codeIn(rows: readonly Row[]): readonly CodeObject[] {
  return rows.map(([kind, name, sha256]) => ({
    kind: kind ?? '',
    name: name ?? '',
    sha256: sha256 ?? '',
  }))
}

/** What a session makes for itself it alone uses. */
const isLasting = "left(n.nspname, 8) <> 'pg_temp_'"

/**
 * Everything of users that can run without being sent as a statement, and the settings that say which of it a name finds. Asked with
 * the search_path pg_catalog. Below 16384 are the objects of initdb. Text is digested in the encoding of the database, in which any can be.
 */
export const codeQuery = `
SELECT kind, name, encode(sha256(convert_to(definition, getdatabaseencoding())), 'hex')
FROM (
SELECT CASE p.prokind WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate' ELSE 'function' END AS kind,
  format('%I.%I(%s)', n.nspname, p.proname, oidvectortypes(p.proargtypes)) AS name,
  concat(p, (SELECT a FROM pg_aggregate a WHERE a.aggfnoid = p.oid)) AS definition
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE p.oid >= 16384 AND ${isLasting}
UNION ALL
SELECT 'operator',
  format('%I.%s (%s, %s)', n.nspname, o.oprname, format_type(o.oprleft, NULL), format_type(o.oprright, NULL)),
  o::text
FROM pg_operator o JOIN pg_namespace n ON n.oid = o.oprnamespace
WHERE o.oid >= 16384 AND ${isLasting}
UNION ALL
SELECT 'cast', format('%s to %s', format_type(c.castsource, NULL), format_type(c.casttarget, NULL)), c::text
FROM pg_cast c
WHERE c.oid >= 16384
UNION ALL
SELECT 'domain check', format('%I on %s', c.conname, format_type(c.contypid, NULL)), c::text
FROM pg_constraint c JOIN pg_namespace n ON n.oid = c.connamespace
WHERE c.contypid > 0 AND c.oid >= 16384 AND ${isLasting}
UNION ALL
${ofRelation('pg_trigger', 'tgrelid', "'trigger'", `format('%I on ', t.tgname)`)}
  AND NOT t.tgisinternal
UNION ALL
${ofRelation('pg_rewrite', 'ev_class', "CASE t.rulename WHEN '_RETURN' THEN 'view' ELSE 'rule' END", `CASE t.rulename WHEN '_RETURN' THEN '' ELSE format('%I on ', t.rulename) END`)}
UNION ALL
${ofRelation('pg_policy', 'polrelid', "'row policy'", `format('%I on ', t.polname)`)}
UNION ALL
SELECT 'event trigger', quote_ident(e.evtname), e::text FROM pg_event_trigger e
UNION ALL
SELECT 'settings',
  concat('of ', CASE s.setrole WHEN 0 THEN 'all roles' ELSE 'role ' || quote_ident(pg_get_userbyid(s.setrole)) END,
    CASE WHEN s.setdatabase <> 0 THEN ' in this database' END),
  s::text
FROM pg_db_role_setting s
WHERE s.setdatabase IN (0, (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()))
) AS code`

/** Of those on relations; foreign keys and the server's own views have theirs from the server. */
function ofRelation(table: string, relation: string, kind: string, before: string): string {
  return `SELECT ${kind}, ${before} || format('%I.%I', n.nspname, k.relname), t::text
FROM ${table} t JOIN pg_class k ON k.oid = t.${relation} JOIN pg_namespace n ON n.oid = k.relnamespace
WHERE t.oid >= 16384 AND ${isLasting}`
}
