import { isDeepStrictEqual } from 'node:util'

import { factsOf } from '../../../services/edge/postgres/facts.ts'
import type { FactsResult } from '../../../services/edge/postgres/facts.ts'
import { loadGrammar } from '../../../services/edge/postgres/facts/grammar.ts'
import { shapeOf } from '../../support/shape-of.ts'
import { expect } from '../fuzz-target.ts'
import { wordsOf } from '../mutate.ts'
import type { FuzzTarget } from '../fuzz-target.ts'

/** What a text of SQL would do: it is refused or has facts, and the same as every other text that the cache takes for its like. */
export async function createTarget(): Promise<FuzzTarget> {
  const grammar = await loadGrammar()
  return {
    maxBytes: 4_096,
    maxMs: 500,
    seeds: statements.map((text) => Buffer.from(text)),
    words,
    covers: ['services/edge/postgres/facts', 'services/edge/postgres/statement-shape'],
    run(input) {
      const sql = input.toString('utf8')
      const result = factsOf(grammar, sql)
      if (!result.ok) {
        expect(result.message !== '', 'a refusal says why')
        return result.kind
      }
      const shape = shapeOf(sql)
      if (shape !== null && result.cacheable) {
        for (const other of withOtherLiterals(sql)) {
          if (shapeOf(other) !== shape) continue
          expect(isAlike(factsOf(grammar, other), result), `of one shape with: ${other}`)
        }
      }
      return `${result.facts.kinds[0] ?? ''} ${result.facts.unknown.length > 0} ${result.cacheable}`
    },
  }
}

/** Row bounds are what literals say, and kept apart from the cache by `usesLiterals` of a policy. */
function isAlike(other: FactsResult, result: FactsResult & { readonly ok: true }): boolean {
  // A constant may be out of the range of what the grammar reads; then it is asked anew, and refused.
  if (!other.ok) return true
  const withoutRows = ({ facts, names, settles }: FactsResult & { readonly ok: true }) => ({
    facts: { ...facts, rows: null },
    names,
    settles,
  })
  return isDeepStrictEqual(withoutRows(other), withoutRows(result))
}

function withOtherLiterals(sql: string): readonly string[] {
  return [
    sql.replaceAll(/\d+/g, '7'),
    sql.replaceAll(/'[^']*'/g, "'x'"),
    sql.replaceAll(/'[^']*'/g, "'ssn; DROP TABLE t'"),
    sql.replaceAll(/\d+/g, '1.5'),
  ]
}

const statements = [
  'SELECT id, ssn FROM m.secret s WHERE s.id = 7 AND ssn LIKE $1 ORDER BY 1 LIMIT 10',
  "WITH q AS (SELECT * FROM a), d AS (DELETE FROM b WHERE x = 'y' RETURNING *) SELECT * FROM q, d",
  "INSERT INTO t (a, b) VALUES (1, 'x'), (2, DEFAULT) ON CONFLICT (a) DO UPDATE SET b = excluded.b",
  'UPDATE t SET (a, b) = (SELECT 1, 2), c[1].d = 3 FROM u WHERE t.id = u.id RETURNING t.*',
  'MERGE INTO t USING s ON t.id = s.id WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT VALUES (1)',
  "COPY (SELECT ssn FROM m.secret) TO STDOUT WITH (FORMAT binary); COPY t FROM PROGRAM 'curl x'",
  "DO $$ BEGIN EXECUTE 'drop table t'; END $$; CALL purge(); EXECUTE p(1)",
  "SET LOCAL standard_conforming_strings = off; SELECT set_config('search_path', 'x', false)",
  'PREPARE p AS SELECT * FROM t; DECLARE c CURSOR WITH HOLD FOR SELECT 1; FETCH 5 FROM c; CLOSE ALL',
  'EXPLAIN (ANALYZE, VERBOSE) SELECT row_to_json(s), (s).ssn, s.* FROM m.secret s',
  'SELECT count(*) FILTER (WHERE a > 1) OVER (PARTITION BY b), ARRAY[1,2], CASE WHEN a THEN b END FROM t',
  'CREATE TABLE n (LIKE t INCLUDING ALL); DROP TABLE IF EXISTS a, b CASCADE; TRUNCATE t; VACUUM FULL t',
  'GRANT SELECT ON t TO PUBLIC; ALTER ROLE r SET x = 1; CREATE FUNCTION f() RETURNS int LANGUAGE sql RETURN 1',
  "BEGIN; SAVEPOINT a; ROLLBACK TO a; COMMIT; LISTEN c; NOTIFY c, 'v'; LOCK t; SHOW ALL; DISCARD ALL",
  "SELECT U&\"\\0070g_read_file\"('/etc/passwd'), E'\\x41', B'01', $tag$ a $tag$, 'it''s' /* c /* d */ */ -- e",
  'SELECT * FROM ONLY t TABLESAMPLE system(1), LATERAL (VALUES (1)) v, json_table(x, $$a$$ COLUMNS (b int)), f(1) AS g(h int)',
  'TABLE t UNION ALL SELECT 1 EXCEPT (SELECT 2 FETCH FIRST 3 ROWS WITH TIES) FOR UPDATE OF t SKIP LOCKED',
]

const words = wordsOf(`
    SELECT FROM WHERE WITH RECURSIVE AS UNION JOIN ON USING ( INSERT INTO UPDATE DELETE MERGE
    RETURNING VALUES SET COPY DO $$ CALL EXECUTE PREPARE DECLARE EXPLAIN ANALYZE CREATE DROP ALTER
    TABLE FUNCTION VIEW TRIGGER RULE LIMIT OFFSET FETCH FIRST pg_catalog. set_config( pg_read_file(
    query_to_xml( count(*) (SELECT 1) ::text m.secret ssn " ' '' $1 -- /* */ ; ) , . * \\ E' U&' B'
    1e5 0x1f 1_000 NULL DEFAULT ARRAY[ ROW( CASE WHEN
  `)
