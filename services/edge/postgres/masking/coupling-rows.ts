import type { Row } from '../snapshot/query-target.ts'
import { definitions } from './couplings.ts'
import type { Coupling } from './couplings.ts'

/** The rows of `couplingsQuery`. */
export function couplingsIn(rows: readonly Row[]): readonly Coupling[] {
  return rows.map(([relation, other, isOnRead, isRule]) => ({
    relation: Number(relation),
    other: other == null ? null : Number(other),
    isOnRead: isOnRead === 't',
    isRule: isRule === 't',
  }))
}

// What rules, row policies, triggers, defaults, CHECKs, indexes, partition keys and domains of a relation depend on: other relations, and
// functions and operators of users; and the event triggers. Below 16384 are the types of initdb. What the server itself came with is in
// pg_depend not at all, members of extensions are trusted like it.
export const couplingsQuery = `
WITH RECURSIVE types (relation, type) AS (
  SELECT a.attrelid, a.atttypid FROM pg_catalog.pg_attribute a
  WHERE a.attnum > 0 AND NOT a.attisdropped AND a.atttypid >= 16384
  UNION
  SELECT s.relation, made.type FROM types s JOIN pg_catalog.pg_type t ON t.oid = s.type
  CROSS JOIN LATERAL (
    SELECT t.typbasetype UNION ALL SELECT t.typelem
    UNION ALL SELECT r.rngsubtype FROM pg_catalog.pg_range r WHERE t.oid IN (r.rngtypid, r.rngmultitypid)
    UNION ALL SELECT a.atttypid FROM pg_catalog.pg_attribute a
    WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped
  ) AS made (type)
  WHERE made.type >= 16384
), parts (classid, objid, relation, on_read, is_rule) AS (
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
  UNION ALL
  SELECT 'pg_catalog.pg_class'::regclass::oid, p.partrelid, each.relid, false, false
  FROM pg_catalog.pg_partitioned_table p CROSS JOIN LATERAL pg_catalog.pg_partition_tree(p.partrelid) each
  UNION ALL
  SELECT 'pg_catalog.pg_type'::regclass::oid, s.type, s.relation, false, false FROM types s
  UNION ALL
  SELECT 'pg_catalog.pg_constraint'::regclass::oid, c.oid, s.relation, false, false
  FROM types s JOIN pg_catalog.pg_constraint c ON c.contypid = s.type
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
SELECT inhparent, inhrelid, true, false FROM pg_catalog.pg_inherits
UNION ALL
SELECT inhrelid, inhparent, true, false FROM pg_catalog.pg_inherits
UNION ALL
SELECT ${definitions}, NULL, false, false FROM pg_catalog.pg_event_trigger t
WHERE t.evtenabled <> 'D' AND t.evtevent <> 'login'
  AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend e
    WHERE e.classid = 'pg_catalog.pg_proc'::regclass AND e.objid = t.evtfoid AND e.deptype = 'e')`
