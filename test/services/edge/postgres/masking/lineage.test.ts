import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'

import { loadGrammar } from '../../../../../services/edge/postgres/facts/grammar.ts'
import { lineageOf } from '../../../../../services/edge/postgres/masking/lineage.ts'
import { startMaskedTarget } from './masked-target.ts'
import type { MaskedTarget } from './masked-target.ts'

const long = 'a'.repeat(63)

/** Each shows an address in a column whose lineage is easily taken for that of another. */
const attempts: readonly string[] = [
  // Of a query further out, past items that may have a column of any name.
  'SELECT (SELECT max(email) FROM generate_series(1, 2) g) FROM customers',
  "SELECT (SELECT max(email) FROM (SELECT upper('x')) x) FROM customers",
  "SELECT (SELECT max(email) FROM (VALUES ('x')) x) FROM customers",
  'SELECT (SELECT max(email) FROM products) FROM customers',
  'SELECT (SELECT max(c.email) FROM products p) FROM customers c',
  `SELECT (SELECT "coalesce"."coalesce" FROM customers c, LATERAL coalesce(c.email, '') LIMIT 1)
     FROM products AS "coalesce"("coalesce")`,
  // Of a query further out, past items of the same name that are not seen there.
  'SELECT (SELECT l.v FROM LATERAL (SELECT upper(c.email) AS v) l, products c) FROM customers c',
  'SELECT (SELECT u.v FROM upper(c.email) u(v), products c) FROM customers c',
  'SELECT (SELECT upper(c.email) FROM (products c JOIN products p ON true) j) FROM customers c',
  'SELECT (SELECT to_jsonb(c.*)::text FROM (products c JOIN products p ON true) j) FROM customers c',
  // By another name.
  'SELECT upper(x.name) FROM customers AS x(id, nm, name)',
  'SELECT upper(name) FROM (SELECT email FROM customers) x(name)',
  'SELECT upper(x.name) FROM (SELECT * FROM customers) AS x(id, nm, name)',
  'SELECT upper(j.five) FROM (products p JOIN customers c ON true) AS j(one, two, three, four, five)',
  'WITH products AS (SELECT id, email AS name FROM customers) SELECT upper(name) FROM products',
  'WITH products(a, name) AS (SELECT id, email FROM customers) SELECT upper(name) FROM products',
  'WITH products AS (SELECT email AS name FROM customers) SELECT (SELECT upper(max(name)) FROM products)',
  'SELECT upper(name) FROM (WITH products AS (SELECT email AS name FROM customers) SELECT * FROM products) p',
  `SELECT upper(x."A") FROM (SELECT email AS "A", 'z' AS a FROM customers) x`,
  `SELECT upper(x.${long}c) FROM (SELECT email AS ${long}b FROM customers) x`,
  'SELECT upper("public"."customers"."email") FROM customers',
  'SELECT upper(postgres.public.customers.email) FROM public.customers',
  'SELECT upper(max) FROM (SELECT max(email) FROM customers) x',
  // Through rounds of a recursion.
  `WITH RECURSIVE r(a, b) AS (SELECT '', email FROM customers UNION ALL SELECT b, '' FROM r WHERE b <> '')
     SELECT upper(a) FROM r`,
  `WITH RECURSIVE r(a, b, c) AS (SELECT ''::text, ''::text, email FROM customers UNION ALL SELECT b, c, '' FROM r WHERE a || b || c <> '')
     SELECT a FROM r`,
  // Merged with another.
  'SELECT upper(name) FROM products FULL JOIN (SELECT email AS name FROM customers) x USING (name)',
  'SELECT name FROM products FULL JOIN (SELECT email AS name FROM customers) x USING (name)',
  'SELECT * FROM products NATURAL FULL JOIN (SELECT email AS name FROM customers) x',
  'SELECT j.name FROM products FULL JOIN (SELECT email AS name FROM customers) x USING (name) AS j',
  'SELECT name FROM (SELECT name, email FROM customers UNION ALL SELECT email, name FROM customers) x',
  "VALUES ('x') UNION ALL SELECT email FROM customers",
  'SELECT name FROM products UNION ALL (SELECT name FROM products UNION ALL SELECT email FROM customers)',
  // As a row, or as rows made of it.
  'SELECT x::text FROM (SELECT email FROM customers) x',
  'SELECT row_to_json(j) FROM (products p JOIN customers c ON true) j',
  'SELECT row_to_json(x) FROM (SELECT upper(email) FROM customers) x',
  'SELECT upper((c).email) FROM customers c',
  'SELECT upper((x.c).email) FROM (SELECT c FROM customers c) x',
  'SELECT (ARRAY[c])[1]::text FROM customers c',
  'SELECT row(c.*)::text FROM customers c',
  'SELECT row(*)::text FROM (SELECT email FROM customers) x',
  'SELECT concat(x.*) FROM (SELECT upper(email) FROM customers) x',
  'SELECT upper(l.v) FROM customers c, LATERAL (SELECT c.email AS v) l',
  'SELECT upper(l.v) FROM customers c CROSS JOIN LATERAL (VALUES (c.email)) l(v)',
  'SELECT u.v FROM customers c, unnest(ARRAY[c.email]) AS u(v)',
  'SELECT u FROM customers c, unnest(ARRAY[c.email]) u',
  'SELECT unnest FROM customers c, unnest(ARRAY[c.email])',
  'SELECT coalesce FROM customers c, LATERAL coalesce(c.email, $$$$)',
  'SELECT e.value FROM customers c, jsonb_each_text(to_jsonb(c)) e',
  'SELECT r.a FROM customers c, ROWS FROM (unnest(ARRAY[c.email]), generate_series(1, 2)) AS r(a, b)',
  `SELECT t.e FROM customers c, JSON_TABLE(to_jsonb(c), '$' COLUMNS (e text PATH '$.email')) t`,
  `SELECT t.e FROM customers c, XMLTABLE('/r' PASSING xmlelement(name r, c.email) COLUMNS e text PATH '.') t`,
  'SELECT upper(email) FROM customers TABLESAMPLE system (100)',
  'SELECT ARRAY(SELECT email FROM customers)',
  "SELECT (SELECT string_agg(email, ',') FROM (SELECT * FROM customers) x)",
  'SELECT first_value(email) OVER w FROM customers WINDOW w AS (ORDER BY id)',
  'SELECT max(email) FILTER (WHERE true) OVER () FROM customers',
  'SELECT DISTINCT ON (id) upper(email) FROM customers',
  'UPDATE customers SET name = name RETURNING upper(email)',
  'WITH u AS (UPDATE customers SET name = name RETURNING email AS name) SELECT upper(name) FROM u',
  // What a view hands on.
  'SELECT lower(name) FROM shifted',
  'SELECT contact FROM contacts',
]

suite('lineage', () => {
  let masked: MaskedTarget

  before(async () => {
    masked = await startMaskedTarget(schema, classification)
  })
  after(() => masked[Symbol.asyncDispose]())

  for (const sql of attempts) {
    test(sql.replaceAll(/\s+/g, ' '), async () => {
      const { all, rows, error } = await masked.seen(sql)
      assert.ok(rows.length > 0 || error !== null)
      assert.doesNotMatch(all, /example/i)
    })
  }

  test('what a subquery of an expression is told by its conditions is not shown', async () => {
    for (const sql of [
      "SELECT (SELECT count(*) FROM customers WHERE email LIKE 'a%') AS n FROM products",
      "SELECT EXISTS (SELECT FROM customers WHERE email LIKE 'a%') AS n FROM products",
      "SELECT EXISTS (SELECT FROM (SELECT FROM customers WHERE email LIKE 'a%') x) AS n FROM products",
      "SELECT 'ada@example.net' IN (SELECT email FROM customers) AS n FROM products",
      'SELECT (SELECT name FROM customers ORDER BY email LIMIT 1) AS n FROM products',
      "SELECT (SELECT count(*) FROM customers c JOIN products p ON c.email LIKE 'a%') AS n FROM products",
      "SELECT (SELECT count(*) FROM (SELECT 'x' AS email) c, (products a JOIN products b ON c.email LIKE 'a%')) AS n FROM customers c",
      'SELECT (SELECT count(*) FROM products TABLESAMPLE system (ascii(c.email))) AS n FROM customers c',
      'SELECT (SELECT count(*) FROM products TABLESAMPLE system (50) REPEATABLE (ascii(c.email))) AS n FROM customers c',
      "SELECT count(*) FILTER (WHERE email LIKE 'a%') AS n FROM customers",
      "SELECT count(nullif(email, 'a')) AS n FROM customers",
    ]) {
      const { rows } = await masked.seen(sql)
      assert.deepEqual(rows[0], { n: null }, sql)
    }
  })

  test('an answer with other columns than the catalog had shows nothing that has no identity', async () => {
    const sql =
      'SELECT p.*, upper(c.email), lower(c.name), n.* FROM products p, customers c, newer n'
    const { rows: before } = await masked.seen(`${sql} ORDER BY c.id`)
    assert.deepEqual(before[0], { id: 1, name: 'Bolt', upper: null, lower: 'ada', x: 1 })
    await masked.asOwner('ALTER TABLE products DROP COLUMN name; ALTER TABLE newer ADD y int')
    const { rows, all } = await masked.seen(sql)
    assert.doesNotMatch(all, /example/i)
    assert.deepEqual(rows[0], { id: 1, upper: null, lower: null, x: 1, y: null })
    await masked.asOwner(
      "ALTER TABLE newer DROP y; ALTER TABLE products ADD name text DEFAULT 'Bolt'",
    )
  })
})

suite('the work of lineage', () => {
  const relations = { columnsNamed: () => [['id', 'name', 'email', 'since']] }

  const lineage = async (sql: string) => {
    const grammar = await loadGrammar()
    const parsed = grammar.parse(sql)
    assert.ok(parsed.ok)
    const [statement] = parsed.statements as readonly { SelectStmt: Record<string, unknown> }[]
    assert.ok(statement !== undefined)
    const before = process.cpuUsage()
    const columns = lineageOf(statement.SelectStmt, relations)
    const { user, system } = process.cpuUsage(before)
    return { columns, ms: (user + system) / 1000 }
  }

  test('what nobody writes is given up soon', async () => {
    let nested = 'SELECT name, email FROM customers'
    for (let depth = 0; depth < 20; depth += 1) {
      nested = `WITH RECURSIVE r AS (${nested} UNION SELECT * FROM r) SELECT upper(name) AS name, email FROM r`
    }
    const items = Array.from({ length: 5_000 }, (_, index) => `customers c${index}`)
    for (const sql of [nested, `SELECT upper(c0.name) FROM ${items.join(', ')}`]) {
      const { columns, ms } = await lineage(sql)
      assert.equal(columns, null)
      assert.ok(ms < 3_000, `${ms} ms`)
    }
  })

  test('long queries of everyday are followed', async () => {
    const joins = Array.from({ length: 30 }, (_, index) => `JOIN customers d${index} USING (id)`)
    const shown = Array.from({ length: 200 }, (_, index) => `upper(d${index % 30}.name)`)
    const { columns } = await lineage(
      `SELECT ${shown.join(', ')} FROM customers c ${joins.join(' ')}`,
    )
    assert.equal(columns?.length, 200)
    assert.deepEqual(columns[0]?.reads, new Set(['customers.name']))
  })
})

const classification = `
version: 1
columns:
  - { column: public.customers.email, class: email, mask: last4 }
  - { column: public.people.note, class: note, json: [{ path: $.contact.email }] }
`

const schema = `
CREATE TABLE customers (id int PRIMARY KEY, name text, email text, since date);
INSERT INTO customers VALUES (1, 'Ada', 'ada@example.net', '2026-01-02'), (2, 'Bea', 'bea@example.net', '2026-01-20');
CREATE TABLE products (id int PRIMARY KEY, name text);
INSERT INTO products VALUES (1, 'Bolt');
CREATE TABLE newer (x int);
INSERT INTO newer VALUES (1);
CREATE TABLE people (id int, note jsonb);
INSERT INTO people VALUES (1, '{"contact": {"email": "ada@example.net"}}');
CREATE VIEW shifted AS SELECT x.name FROM (SELECT id, email AS name FROM customers) x;
CREATE VIEW contacts AS SELECT x.contact FROM (SELECT note -> 'contact' AS contact FROM people) x;
`
