import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Facts } from '../../../../../services/edge/guard/facts.ts'
import { factsOf } from '../../../../../services/edge/postgres/facts.ts'
import { loadGrammar } from '../../../../../services/edge/postgres/facts/grammar.ts'

const grammar = await loadGrammar()

function facts(sql: string): Facts {
  const result = factsOf(grammar, sql)
  assert.ok(result.ok, `${sql}: ${result.ok ? '' : result.message}`)
  return result.facts
}

test('every column that a statement looks at is among those read', () => {
  const rows: readonly (readonly [string, readonly string[]])[] = [
    ['SELECT 1', []],
    ['SELECT count(*) FROM t', []],
    ['SELECT id FROM t', ['t.id']],
    ['SELECT "Id", "a.b" FROM s."T"', ['s.T.Id', 's.T."a.b"']],
    ['SELECT x.id FROM s.t x WHERE x.b > 1', ['s.t.id', 's.t.b']],
    ['SELECT s.t.id FROM s.t', ['s.t.id']],
    ['SELECT * FROM t', ['t.*']],
    ['TABLE m.secret', ['m.secret.*']],
    ['SELECT t.* FROM t, u', ['t.*']],
    ['SELECT * FROM t, u', ['t.*', 'u.*']],
    // A bare name may be of either.
    ['SELECT a FROM t, u', ['t.a', 'u.a']],
    ['SELECT t.a FROM t JOIN u USING (id) ', ['t.a', 't.id', 'u.id']],
    ['SELECT t.a FROM t NATURAL JOIN u', ['t.a', 't.*', 'u.*']],
    ['SELECT j.a FROM (t JOIN u ON true) j', ['t.a', 'u.a']],
    // The name of a relation is its row.
    ['SELECT t FROM t', ['t.t', 't.*']],
    ['SELECT (x).ssn FROM secret x', ['secret.x', 'secret.*']],
    ['SELECT row_to_json(x) FROM secret AS x', ['secret.x', 'secret.*']],
    ['SELECT x.a FROM secret AS x(a, b)', ['secret.*']],
    ['SELECT j.a FROM (t AS x(a, b) JOIN u ON true) j', ['t.*', 'u.*']],
    // Subqueries, from the inside out.
    ['SELECT q.a FROM (SELECT ssn AS a FROM secret) q', ['secret.ssn']],
    ['SELECT id FROM t WHERE id IN (SELECT u.t_id FROM u)', ['t.id', 'u.t_id']],
    ['SELECT id FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.x = t.y)', ['t.id', 'u.x', 't.y']],
    ['SELECT 1 FROM t WHERE EXISTS (SELECT a FROM u)', ['u.a', 't.a']],
    ['SELECT s.b FROM t, (SELECT a AS b FROM u) s', ['u.a']],
    ['SELECT s.b FROM t, LATERAL (SELECT a AS b FROM u) s', ['u.a', 't.a']],
    ['WITH q AS (SELECT ssn FROM secret) SELECT ssn FROM q', ['secret.ssn']],
    ['WITH x AS (SELECT a FROM x) SELECT a FROM x', ['x.a']],
    ['SELECT a FROM t UNION SELECT b FROM u ORDER BY a', ['t.a', 'u.b']],
    // ORDER BY looks among the answer's names first, GROUP BY does not.
    ['SELECT id AS ssn FROM t ORDER BY ssn', ['t.id']],
    ["SELECT id AS ssn FROM t ORDER BY ssn || ''", ['t.id', 't.ssn']],
    ['SELECT id AS ssn FROM t GROUP BY ssn', ['t.id', 't.ssn']],
    ['SELECT id FROM t ORDER BY ssn', ['t.id', 't.ssn']],
    ['SELECT lag(a) OVER (PARTITION BY b ORDER BY c) FROM t', ['t.a', 't.b', 't.c']],
    ['SELECT g FROM generate_series(1, 2) g', []],
    ['SELECT a FROM t TABLESAMPLE system (1)', ['t.a']],
    // A name that an item of FROM does not see may be that of a query further out.
    ['SELECT (SELECT l.x FROM LATERAL (SELECT s.a AS x) l, t s) FROM u s', ['t.a', 'u.a']],
    ['SELECT (SELECT f FROM lower(s.a) f, t s) FROM u s', ['t.a', 'u.a', 't.f', 'u.f']],
    ['SELECT (SELECT 1 FROM t s, (v JOIN w ON s.a)) FROM u s', ['t.a', 'u.a']],
    ['SELECT (SELECT s.a FROM (t s JOIN v ON s.b) j) FROM u s', ['t.a', 'u.a', 't.b', 'u.b']],
    [
      'SELECT (SELECT x.a FROM (t JOIN v USING (b) AS x) j) FROM u x',
      ['t.a', 'v.a', 'u.a', 't.b', 'v.b', 'u.b'],
    ],
    ['SELECT (SELECT s.a FROM t s JOIN v ON true) FROM u s', ['t.a']],
    // What is written is looked at, too.
    ['UPDATE t SET a = b WHERE c = 1', ['t.b', 't.c']],
    ['UPDATE t SET a = s.x FROM s WHERE t.id = s.id RETURNING t.d', ['s.x', 't.id', 's.id', 't.d']],
    ['DELETE FROM t USING u WHERE t.a = u.a', ['t.a', 'u.a']],
    ['DELETE FROM t RETURNING *', ['t.*']],
    ['INSERT INTO t (a) SELECT b FROM s', ['s.b']],
    ['INSERT INTO t (a) VALUES (1) RETURNING old.b, new.c', ['t.b', 't.c']],
    [
      'UPDATE t SET a = 1 FROM (u old CROSS JOIN u new) j RETURNING old.b, new.c',
      ['t.b', 'u.b', 't.c', 'u.c'],
    ],
    ['UPDATE t SET a = 1 FROM u old RETURNING old.b', ['u.b']],
    [
      'INSERT INTO t (a) VALUES (1) ON CONFLICT (id) DO UPDATE SET a = excluded.a WHERE t.d > 1',
      ['t.d', 't.id'],
    ],
    [
      'MERGE INTO t USING s ON t.id = s.id WHEN MATCHED THEN UPDATE SET x = s.x',
      ['t.id', 's.id', 's.x'],
    ],
    ['WITH d AS (DELETE FROM t RETURNING a) SELECT a FROM d', ['t.a']],
    ['COPY t TO STDOUT', ['t.*']],
    ['COPY t (a, b) TO STDOUT', ['t.a', 't.b']],
    ['COPY (SELECT a FROM t) TO STDOUT', ['t.a']],
    ['COPY t (a) FROM STDIN', []],
    ['EXPLAIN SELECT a FROM t', ['t.a']],
    ['DECLARE c CURSOR FOR SELECT a FROM t', ['t.a']],
    ['PREPARE p AS SELECT a FROM t', ['t.a']],
    ['CREATE VIEW v AS SELECT a FROM t', ['t.a']],
    // What is not seen may be anything.
    ['SELECT nobody.a FROM t', ['*']],
    ['CREATE TABLE t (a int CHECK (a > 0))', ['*']],
  ]
  for (const [sql, expected] of rows) {
    assert.deepEqual([...facts(sql).columnsRead].sort(), [...expected].sort(), sql)
  }
})

test('every column that a statement changes is among those written', () => {
  const rows: readonly (readonly [string, readonly string[]])[] = [
    ['SELECT a FROM t', []],
    ['INSERT INTO t (a, b) VALUES (1, 2)', ['t.a', 't.b']],
    ['INSERT INTO t VALUES (1, 2)', ['t.*']],
    ['INSERT INTO t (a) VALUES (1) ON CONFLICT (id) DO UPDATE SET b = 2', ['t.a', 't.b']],
    ['UPDATE s.t x SET (a, b) = (1, 2), c.d = 3', ['s.t.a', 's.t.b', 's.t.c']],
    ['DELETE FROM t WHERE id = 1', ['t.*']],
    [
      'MERGE INTO t USING s ON true WHEN MATCHED THEN UPDATE SET x = 1 WHEN NOT MATCHED THEN INSERT (a) VALUES (1)',
      ['t.x', 't.a'],
    ],
    ['MERGE INTO t USING s ON true WHEN MATCHED THEN DELETE', ['t.*']],
    ['MERGE INTO t USING s ON true WHEN NOT MATCHED THEN INSERT DEFAULT VALUES', ['t.*']],
    ['MERGE INTO t USING s ON true WHEN MATCHED THEN DO NOTHING', []],
    ['COPY t (a) FROM STDIN', ['t.a']],
    ['COPY t FROM STDIN', ['t.*']],
    ['TRUNCATE t', ['t.*']],
    ['ALTER TABLE t DROP COLUMN a', ['t.*']],
    ['DROP OWNED BY x', ['*']],
    ['DROP SCHEMA s', ['*']],
    ['WITH q AS (UPDATE t SET a = 1) SELECT 1', ['t.a']],
  ]
  for (const [sql, expected] of rows) {
    assert.deepEqual([...facts(sql).columnsWritten].sort(), [...expected].sort(), sql)
  }
})

test('how many rows there are at most is known where the text says so', () => {
  const rows: readonly (readonly [string, number | null])[] = [
    ['SELECT * FROM t', null],
    ['SELECT * FROM t LIMIT 5', 5],
    ['SELECT * FROM t LIMIT 0', 0],
    ['SELECT * FROM t LIMIT $1', null],
    ['SELECT * FROM t LIMIT 5 + 5', null],
    ['SELECT * FROM t LIMIT ALL', null],
    ['SELECT * FROM t LIMIT 99999999999', null],
    ['SELECT * FROM t ORDER BY a FETCH FIRST 5 ROWS WITH TIES', null],
    ['SELECT 1 FROM a UNION SELECT 2 FROM b LIMIT 3', 3],
    ['VALUES (1), (2)', 2],
    ['INSERT INTO t VALUES (1), (2), (3)', 3],
    ['INSERT INTO t DEFAULT VALUES', 1],
    // One row of VALUES is a list of a SELECT to the server.
    ['INSERT INTO t VALUES (generate_series(1, 1000))', null],
    ['INSERT INTO t VALUES (1, CASE WHEN true THEN 1 + unnest($1::int[]) END)', null],
    ["INSERT INTO t VALUES (('{1,2}'::int[]).unnest)", null],
    ['INSERT INTO t VALUES (s.many())', null],
    ['INSERT INTO t VALUES (1 OPERATOR(s.+) 2)', null],
    ['INSERT INTO t VALUES (generate_series(1, 1000)) LIMIT 3', 3],
    ["INSERT INTO t VALUES (nextval('s'), now(), lower('A') || 'b', (SELECT unnest($1)))", 1],
    ['INSERT INTO t SELECT * FROM s', null],
    ['INSERT INTO t SELECT * FROM s LIMIT 4', 4],
    ['UPDATE t SET a = 1', null],
    ['DELETE FROM t WHERE id = 1', null],
    ['WITH q AS (DELETE FROM t) SELECT 1 LIMIT 1', null],
    ['BEGIN; INSERT INTO t VALUES (1); COMMIT', 1],
    ['INSERT INTO t VALUES (1); DELETE FROM t', null],
    ['EXPLAIN SELECT 1 LIMIT 1', null],
    ['', 0],
  ]
  for (const [sql, expected] of rows) assert.equal(facts(sql).rows, expected, sql)
})

test('a column of a relation never hides behind how a statement is written', () => {
  const reading = ['ssn', 'x.ssn', '*', 'x.*', 'x', 'upper(ssn)', '(x).ssn', 'max(ssn) OVER ()']
  const around: readonly ((select: string) => string)[] = [
    (select) => select,
    (select) => `SELECT 1 FROM (${select}) q`,
    (select) => `WITH q AS (${select}) SELECT 1`,
    (select) => `SELECT (SELECT count(*) FROM (${select}) q)`,
    (select) => `SELECT 1 UNION ALL SELECT 1 WHERE EXISTS (${select})`,
    (select) => `COPY (${select}) TO STDOUT`,
    (select) => `INSERT INTO t SELECT 1 FROM (${select}) q`,
    (select) => `UPDATE t SET a = 1 WHERE EXISTS (${select})`,
    (select) => `DELETE FROM t USING (${select}) q`,
    (select) => `MERGE INTO t USING (${select}) q ON true WHEN MATCHED THEN DELETE`,
    (select) => `EXPLAIN ANALYZE ${select}`,
    (select) => `PREPARE p AS ${select}`,
    (select) => `SELECT 1; ${select}`,
  ]
  for (const what of reading) {
    for (const wrap of around) {
      const sql = wrap(`SELECT ${what} FROM m.secret x`)
      const columns = facts(sql).columnsRead
      const isSeen = ['m.secret.ssn', 'm.secret.*', '*'].some((name) => columns.includes(name))
      assert.ok(isSeen, `${sql}: ${columns.join(', ')}`)
    }
  }
})
