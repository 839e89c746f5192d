import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { noFacts, statementKinds } from '../../../../../services/edge/guard/facts.ts'
import type { Facts } from '../../../../../services/edge/guard/facts.ts'
import { factsOf } from '../../../../../services/edge/postgres/facts.ts'
import { loadGrammar } from '../../../../../services/edge/postgres/facts/grammar.ts'

const grammar = await loadGrammar()

function facts(sql: string): Facts {
  const result = factsOf(grammar, sql)
  assert.ok(result.ok, `${sql}: ${result.ok ? '' : result.message}`)
  return result.facts
}

/** Columns and rows have tests of their own. */
function ofColumns({ columnsRead, columnsWritten, rows }: Facts): Facts {
  return { ...noFacts, columnsRead, columnsWritten, rows }
}

/** Each row: a statement, and what its facts hold beside nothing. */
const table: readonly (readonly [string, Partial<Facts>])[] = [
  ['SELECT 1', { kinds: ['select'] }],
  ['TABLE m.secret', { kinds: ['select'], reads: ['m.secret'] }],
  ['VALUES (1)', { kinds: ['select'] }],
  [
    'SELECT a.x, b.y FROM app.a JOIN b ON a.id = b.id',
    { kinds: ['select'], reads: ['app.a', 'b'] },
  ],
  [
    'SELECT 1 WHERE EXISTS (SELECT 1 FROM x UNION (SELECT 2 FROM y EXCEPT SELECT 3 FROM z))',
    { kinds: ['select'], reads: ['x', 'y', 'z'] },
  ],
  ['SELECT * FROM a, LATERAL (SELECT * FROM b) q', { kinds: ['select'], reads: ['a', 'b'] }],
  [
    'SELECT * FROM "a.b", "A", shop."x""y"',
    { kinds: ['select'], reads: ['"a.b"', 'A', 'shop."x""y"'] },
  ],
  ['SELECT * FROM db.shop.orders', { kinds: ['select'], reads: ['shop.orders'] }],
  ['SELECT relname FROM pg_class', { kinds: ['select'], reads: ['pg_catalog.pg_class'] }],
  ["SELECT ts_rewrite('a & b', 'a', 'c')", { kinds: ['select'], functions: ['ts_rewrite'] }],
  [
    "SELECT ts_rewrite('a & b', 'SELECT a, b FROM t')",
    {
      kinds: ['select'],
      functions: ['ts_rewrite'],
      unlistedFunctions: ['ts_rewrite'],
      unknown: ['the SQL that ts_rewrite runs'],
    },
  ],
  [
    "SELECT app.ts_rewrite('a & b', 'a', 'c')",
    {
      kinds: ['select'],
      functions: ['app.ts_rewrite'],
      unlistedFunctions: ['app.ts_rewrite'],
      unknown: ['the SQL that app.ts_rewrite runs'],
    },
  ],
  // Names of a WITH clause are no relations, but only where they are known.
  ['WITH x AS (SELECT * FROM x) SELECT * FROM x', { kinds: ['select'], reads: ['x'] }],
  ['WITH x AS (SELECT 1) SELECT * FROM m.x', { kinds: ['select'], reads: ['m.x'] }],
  [
    'SELECT * FROM (WITH q AS (SELECT 1) SELECT * FROM q) s, q',
    { kinds: ['select'], reads: ['q'] },
  ],
  [
    'WITH RECURSIVE t AS (SELECT 1 UNION ALL SELECT * FROM t) SELECT * FROM t',
    { kinds: ['select'] },
  ],
  [
    '(WITH q AS (SELECT 1) SELECT * FROM q) UNION SELECT * FROM q',
    { kinds: ['select'], reads: ['q'] },
  ],
  ['WITH a AS (SELECT 1), b AS (SELECT * FROM a) SELECT * FROM b', { kinds: ['select'] }],
  [
    'WITH victim AS (SELECT 1) DELETE FROM victim WHERE id = 1',
    { kinds: ['delete', 'select'], reads: ['victim'], writes: ['victim'] },
  ],
  // Writes.
  ['INSERT INTO t VALUES (1)', { kinds: ['insert'], writes: ['t'] }],
  ['INSERT INTO t DEFAULT VALUES', { kinds: ['insert'], writes: ['t'] }],
  ['INSERT INTO t SELECT * FROM s', { kinds: ['insert', 'select'], reads: ['s'], writes: ['t'] }],
  [
    'INSERT INTO t VALUES ((SELECT max(id) FROM s))',
    { kinds: ['insert', 'select'], reads: ['s'], writes: ['t'], functions: ['max'] },
  ],
  ['INSERT INTO t VALUES (1) RETURNING id', { kinds: ['insert'], reads: ['t'], writes: ['t'] }],
  [
    'INSERT INTO t VALUES (1) ON CONFLICT (id) DO UPDATE SET x = 1',
    { kinds: ['insert', 'update'], reads: ['t'], writes: ['t'] },
  ],
  [
    'UPDATE t SET x = s.x FROM s WHERE t.id = s.id',
    { kinds: ['update'], reads: ['t', 's'], writes: ['t'] },
  ],
  ['UPDATE t SET x = 1', { kinds: ['update'], reads: ['t'], writes: ['t'], flags: ['no_where'] }],
  ['DELETE FROM t', { kinds: ['delete'], writes: ['t'], flags: ['no_where'] }],
  ['DELETE FROM t WHERE CURRENT OF c', { kinds: ['delete'], reads: ['t'], writes: ['t'] }],
  [
    'MERGE INTO t USING s ON t.id = s.id WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT VALUES (1)',
    { kinds: ['merge', 'delete', 'insert'], reads: ['t', 's'], writes: ['t'] },
  ],
  ['COPY t TO STDOUT', { kinds: ['copy_to'], reads: ['t'] }],
  [
    'COPY (SELECT ssn FROM m.secret) TO STDOUT',
    { kinds: ['copy_to', 'select'], reads: ['m.secret'] },
  ],
  ['COPY t (a) FROM STDIN', { kinds: ['copy_from'], writes: ['t'] }],
  ["COPY t TO '/tmp/x'", { kinds: ['copy_to'], reads: ['t'], flags: ['server_file'] }],
  [
    "COPY t FROM PROGRAM 'curl x'",
    { kinds: ['copy_from'], writes: ['t'], flags: ['copy_program'] },
  ],
  [
    'COPY (DELETE FROM t RETURNING *) TO STDOUT',
    { kinds: ['copy_to', 'delete'], reads: ['t'], writes: ['t'], flags: ['no_where'] },
  ],
  ['SELECT * FROM t FOR UPDATE', { kinds: ['select', 'lock'], reads: ['t'], flags: ['row_lock'] }],
  ['LOCK TABLE t', { kinds: ['lock'], writes: ['t'] }],
  // Definitions.
  ['CREATE TABLE t (id int REFERENCES o)', { kinds: ['create'], writes: ['t', 'o'] }],
  [
    'CREATE TABLE t AS SELECT * FROM s',
    { kinds: ['create', 'select'], reads: ['s'], writes: ['t'] },
  ],
  [
    'SELECT * INTO t FROM s UNION SELECT 1',
    { kinds: ['select', 'create'], reads: ['s'], writes: ['t'], flags: ['select_into'] },
  ],
  [
    'CREATE VIEW v AS SELECT * FROM s',
    { kinds: ['create', 'select'], reads: ['s'], writes: ['v'] },
  ],
  ['ALTER TABLE t ADD COLUMN x int', { kinds: ['alter'], writes: ['t'] }],
  ['ALTER TABLE t RENAME TO u', { kinds: ['alter'], writes: ['t'] }],
  ['DROP TABLE shop.orders, x', { kinds: ['drop'], writes: ['shop.orders', 'x'] }],
  ['DROP TRIGGER g ON shop.orders', { kinds: ['drop'], writes: ['shop.orders'] }],
  ['DROP SCHEMA s CASCADE', { kinds: ['drop'], writes: ['s.*'] }],
  ['DROP FUNCTION f(int)', { kinds: ['drop'], writes: ['*'] }],
  ['DROP OWNED BY x', { kinds: ['drop'], writes: ['*'] }],
  ['ALTER SCHEMA s RENAME TO t', { kinds: ['alter'], writes: ['*'] }],
  ['VACUUM', { kinds: ['vacuum'], writes: ['*'] }],
  // What else decides which relations are written, or sent away.
  ["CREATE SUBSCRIPTION s CONNECTION 'host=x' PUBLICATION p", { kinds: ['create'], writes: ['*'] }],
  ['IMPORT FOREIGN SCHEMA x FROM SERVER s INTO shop', { kinds: ['create'], writes: ['*'] }],
  ['CREATE DATABASE x TEMPLATE postgres', { kinds: ['create'], writes: ['*'] }],
  ["CREATE TABLESPACE s LOCATION '/x'", { kinds: ['create'], writes: ['*'] }],
  ['CREATE PUBLICATION p FOR ALL TABLES', { kinds: ['create'], writes: ['*'] }],
  ['CREATE PUBLICATION p FOR TABLES IN SCHEMA m', { kinds: ['create'], writes: ['m.*'] }],
  ['CREATE PUBLICATION p FOR TABLE t', { kinds: ['create'], writes: ['t'] }],
  ['GRANT ALL ON ALL TABLES IN SCHEMA s TO x', { kinds: ['grant'], writes: ['s.*'] }],
  ['TRUNCATE a, b', { kinds: ['truncate'], writes: ['a', 'b'] }],
  ["COMMENT ON COLUMN shop.orders.id IS 'x'", { kinds: ['comment'], writes: ['shop.orders'] }],
  ['GRANT SELECT ON t TO x', { kinds: ['grant'], writes: ['t'] }],
  ['REVOKE ALL ON t FROM x', { kinds: ['revoke'], writes: ['t'] }],
  [
    'CREATE FUNCTION f() RETURNS int BEGIN ATOMIC DELETE FROM t; SELECT 1; END',
    { kinds: ['create_function', 'delete', 'select'], writes: ['t'], flags: ['no_where'] },
  ],
  [
    "CREATE FUNCTION f() RETURNS int LANGUAGE c AS 'x', 'y'",
    { kinds: ['create_function'], flags: ['server_code'] },
  ],
  [
    'CREATE TRIGGER g AFTER INSERT ON t EXECUTE FUNCTION f()',
    { kinds: ['create_trigger'], writes: ['t'], functions: ['f'], unlistedFunctions: ['f'] },
  ],
  // Sessions and transactions.
  ['BEGIN ISOLATION LEVEL SERIALIZABLE', { kinds: ['begin'] }],
  ['ROLLBACK TO a', { kinds: ['rollback'] }],
  ['SET TRANSACTION READ ONLY', { kinds: ['set_transaction'] }],
  ["SET application_name = 'x'", { kinds: ['set'] }],
  ['RESET ALL', { kinds: ['reset'] }],
  ['SHOW ALL', { kinds: ['show'] }],
  ["SET client_encoding TO 'UTF8'", { kinds: ['set'] }],
  [
    "SELECT set_config('jit', 'off', false)",
    { kinds: ['select', 'set'], functions: ['set_config'] },
  ],
  ['DECLARE c CURSOR FOR SELECT * FROM t', { kinds: ['declare', 'select'], reads: ['t'] }],
  ['VACUUM t', { kinds: ['vacuum'], writes: ['t'] }],
  ['ANALYZE t', { kinds: ['analyze'], writes: ['t'] }],
  // Functions.
  [
    'SELECT lower(x), pg_catalog.count(*), app.lower(x) FROM t',
    {
      kinds: ['select'],
      reads: ['t'],
      functions: ['lower', 'pg_catalog.count', 'app.lower'],
      unlistedFunctions: ['app.lower'],
    },
  ],
  [
    'SELECT * FROM purge(1), ROWS FROM (generate_series(1, 2), f())',
    {
      kinds: ['select'],
      functions: ['purge', 'generate_series', 'f'],
      unlistedFunctions: ['purge', 'f'],
    },
  ],
  [
    'SELECT a OPERATOR(app.+) b, c OPERATOR(pg_catalog.+) d FROM t',
    { kinds: ['select'], reads: ['t'], functions: ['app.+'], unlistedFunctions: ['app.+'] },
  ],
  [
    'SELECT * FROM t TABLESAMPLE evil(1)',
    { kinds: ['select'], reads: ['t'], functions: ['evil'], unlistedFunctions: ['evil'] },
  ],
  [
    'SELECT "Count"(*) FROM t',
    { kinds: ['select'], reads: ['t'], functions: ['Count'], unlistedFunctions: ['Count'] },
  ],
]

test('the facts of a statement are these', () => {
  for (const [sql, expected] of table) {
    assert.deepEqual(facts(sql), { ...ofColumns(facts(sql)), ...expected }, sql)
  }
})

test('the facts of several statements are those of all of them', () => {
  const both = facts('SELECT * FROM a; DROP TABLE b')
  assert.deepEqual(both, {
    ...ofColumns(both),
    kinds: ['select', 'drop'],
    reads: ['a'],
    writes: ['b'],
    flags: ['multi_statement'],
  })
})

test('only kinds that a policy can name come out', () => {
  const known = new Set<string>(statementKinds)
  for (const [sql] of table) for (const kind of facts(sql).kinds) assert.ok(known.has(kind), kind)
})

test('PREPARE has the facts of its statement, and EXECUTE those of its PREPARE', () => {
  const prepared = factsOf(grammar, 'PREPARE p AS DELETE FROM t WHERE id = $1')
  assert.ok(prepared.ok)
  assert.deepEqual(prepared.facts.kinds, ['prepare', 'delete'])
  assert.deepEqual(prepared.names, [{ of: 'statement', name: 'p' }])
  const ofP = prepared.prepared.get('p')
  assert.ok(ofP)
  const executed = factsOf(grammar, 'EXECUTE p(1)', {
    resolvePrepared: (name) => (name === 'p' ? ofP : null),
  })
  assert.ok(executed.ok)
  assert.deepEqual(executed.facts.kinds, ['execute', 'delete'])
  assert.deepEqual(executed.facts.writes, ['t'])
  assert.equal(executed.cacheable, false)
  assert.deepEqual(facts('EXECUTE q').unknown, ['what the prepared statement q runs'])
  assert.deepEqual(facts('PREPARE p AS TABLE a; DEALLOCATE p; EXECUTE p').unknown.length, 1)
})

test('DECLARE has the facts of its query, and FETCH those of its DECLARE', () => {
  const declared = factsOf(grammar, 'DECLARE c CURSOR FOR SELECT a FROM t')
  assert.ok(declared.ok)
  assert.deepEqual(declared.facts.kinds, ['declare', 'select'])
  const ofC = declared.cursors.get('c') ?? null
  const fetched = factsOf(grammar, 'FETCH ALL FROM c', { resolveCursor: () => ofC })
  assert.ok(fetched.ok)
  assert.deepEqual(fetched.facts.kinds, ['fetch', 'select'])
  assert.deepEqual(fetched.facts.columnsRead, ['t.a'])
  assert.equal(fetched.cacheable, false)
  assert.deepEqual(facts('FETCH c').unknown, ['what the cursor c shows'])
})

test('names that SQL shares with the extended protocol are told', () => {
  const names = (sql: string): unknown => {
    const result = factsOf(grammar, sql)
    return result.ok ? result.names : null
  }
  assert.deepEqual(names('DEALLOCATE ALL'), [{ of: 'statement', name: null }])
  assert.deepEqual(names('DECLARE c CURSOR FOR SELECT 1; CLOSE c'), [
    { of: 'portal', name: 'c' },
    { of: 'portal', name: 'c' },
  ])
  assert.deepEqual(names('DISCARD ALL'), [
    { of: 'statement', name: null },
    { of: 'portal', name: null },
  ])
  assert.deepEqual(names('DISCARD PLANS'), [])
})

test('a syntax error reads like the server’s, with a position in characters from 1', () => {
  assert.deepEqual(factsOf(grammar, "SELECT 'é' FROM FROM"), {
    ok: false,
    kind: 'syntax_error',
    message: 'syntax error at or near "FROM"',
    position: 17,
  })
})

test('what cannot be read as one text is refused', () => {
  const refusal = (sql: string): string => {
    const result = factsOf(grammar, sql, { maxCharacters: 100_000 })
    return !result.ok && result.kind === 'refused' ? result.message : 'taken'
  }
  assert.match(refusal('SELECT 1\0; DROP TABLE t'), /NUL/)
  assert.match(refusal('SELECT \ud800'), /Unicode/)
  assert.match(refusal(`SELECT '${'x'.repeat(100_001)}'`), /longer than 100000/)
  assert.match(refusal(`SELECT ${'('.repeat(20_000)}1${')'.repeat(20_000)}`), /too deeply/)
  assert.equal(refusal('SELECT 1'), 'taken')
})

test('statements that overflow the grammar’s stack do not break it for those after them', async () => {
  const deep = `SELECT ${'1+'.repeat(3_000)}1`
  for (let round = 0; round < 45; round += 1) {
    const result = factsOf(grammar, deep)
    assert.equal(result.ok, false)
    // A refused statement costs an instance of the grammar; the next one is made meanwhile.
    await new Promise((resolve) => setImmediate(resolve))
    assert.deepEqual(facts('SELECT a FROM b').reads, ['b'])
  }
})

test('faults that follow each other at once are refused, and it goes on after them', async () => {
  const hasty = await loadGrammar()
  const deep = `SELECT ${'1+'.repeat(3_000)}1`
  const outcomes = [1, 2, 3, 4].map(() => factsOf(hasty, deep).ok)
  assert.deepEqual(outcomes, [false, false, false, false])
  for (let tries = 0; !factsOf(hasty, 'SELECT 1').ok; tries += 1) {
    assert.ok(tries < 1000)
    await new Promise((resolve) => setImmediate(resolve))
  }
})

test('any text gives facts, a syntax error or a refusal, and never throws', () => {
  const words = table.flatMap(([sql]) => sql.split(/(?<=\W)|(?=\W)/))
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string({ unit: 'binary' }),
        fc.array(fc.constantFrom(...words)).map((w) => w.join(' ')),
      ),
      (sql) => {
        const result = factsOf(grammar, sql)
        if (result.ok) assert.equal(result.statements === 0, result.facts.kinds.length === 0)
      },
    ),
    { numRuns: 300 },
  )
})

test('what a text does by a name that another one gave is not in it', () => {
  const byName = ['EXECUTE p', 'EXPLAIN ANALYZE EXECUTE p', 'FETCH c', 'MOVE c']
  const current = 'DELETE FROM a WHERE CURRENT OF c'
  const itself = [
    'DELETE FROM a',
    'PREPARE p AS DELETE FROM a; EXECUTE p',
    `DECLARE c CURSOR FOR TABLE a; FETCH c; ${current}`,
    'CLOSE c',
    'DEALLOCATE p',
  ]
  for (const [texts, expected] of [
    [[...byName, current, `WITH x AS (${current} RETURNING 1) TABLE x`], true],
    [itself, false],
  ] as const) {
    for (const text of texts) {
      const result = factsOf(grammar, text)
      assert.ok(result.ok, text)
      assert.equal(result.runsByName, expected, text)
    }
  }
})
