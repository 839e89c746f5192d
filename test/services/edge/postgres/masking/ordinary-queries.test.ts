import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'

import { Client } from 'pg'

import { directClient } from '../edge-fixture.ts'
import { startMaskedTarget } from './masked-target.ts'
import type { MaskedTarget } from './masked-target.ts'

/** Ordinary queries beside masked columns, and the places of their answers that are masked; every other value is the target's own. */
const queries: readonly (readonly [sql: string, ...masked: number[]])[] = [
  ['SELECT o.*, c.email FROM orders o JOIN customers c ON c.id = o.customer_id ORDER BY o.id', 3],
  ['SELECT c.*, o.total FROM customers c JOIN orders o ON o.customer_id = c.id ORDER BY o.id', 2],
  ['SELECT c.*, upper(c.name) FROM customers c ORDER BY id', 2],
  [
    'SELECT *, total * 2 AS double FROM orders o JOIN customers c ON c.id = customer_id ORDER BY 1',
    5,
  ],
  ['SELECT id FROM (SELECT * FROM customers) x ORDER BY id'],
  ['SELECT lower(name) FROM (SELECT * FROM customers) x ORDER BY 1'],
  ['SELECT lower(name), lower(email) FROM (SELECT * FROM customers) x ORDER BY 1', 1],
  ['SELECT count(*) FROM (SELECT * FROM customers) x'],
  ['SELECT count(*) FROM customers'],
  ['SELECT count(email) FROM customers'],
  ['SELECT count(DISTINCT email), max(email) FROM customers', 1],
  ['SELECT count(*), max(id), min(name) FROM customers WHERE email IS NOT NULL'],
  ['SELECT email, count(*) FROM customers GROUP BY email ORDER BY count(*), min(id)', 0],
  ['SELECT n FROM (SELECT email, count(*) AS n FROM customers GROUP BY email) x ORDER BY n'],
  ['SELECT sum(n) FROM (SELECT email, count(*) AS n FROM customers GROUP BY email) x'],
  ['SELECT name FROM customers UNION ALL SELECT name FROM products ORDER BY 1'],
  [
    'SELECT id, name, email FROM customers UNION ALL SELECT id, name, NULL FROM products ORDER BY 1, 2',
    2,
  ],
  ['SELECT id, email FROM customers UNION SELECT id, name FROM products ORDER BY 1, 2', 1],
  ['SELECT * FROM customers UNION ALL SELECT * FROM customers ORDER BY 1', 2],
  ["SELECT 'c' AS kind, count(*) FROM customers UNION ALL SELECT 'p', count(email) FROM customers"],
  ['SELECT name FROM customers EXCEPT SELECT name FROM products ORDER BY 1'],
  ['WITH c AS (SELECT * FROM customers) SELECT count(*) FROM c'],
  [
    'WITH c AS (SELECT id, email, name FROM customers) SELECT upper(name), email FROM c ORDER BY id',
    1,
  ],
  [
    'WITH spent AS (SELECT customer_id, sum(total) AS sum FROM orders GROUP BY 1) SELECT c.name, c.email, coalesce(s.sum, 0) FROM customers c LEFT JOIN spent s ON s.customer_id = c.id ORDER BY c.id',
    1,
  ],
  [
    'WITH a AS (SELECT * FROM customers), b AS (SELECT id, initcap(name) AS n FROM a) SELECT b.n, length(b.n) FROM b ORDER BY id',
  ],
  [
    'WITH RECURSIVE d(day) AS (SELECT 1 UNION ALL SELECT day + 1 FROM d WHERE day < 3) SELECT day, count(c.email) FROM d JOIN customers c ON c.id = d.day GROUP BY day ORDER BY day',
  ],
  [
    'WITH RECURSIVE t AS (SELECT id, name, email FROM customers WHERE id = 1 UNION ALL SELECT c.id, c.name, c.email FROM customers c JOIN t ON c.id = t.id + 1) SELECT * FROM t ORDER BY id',
    2,
  ],
  [
    'SELECT c.email, l.last FROM customers c, LATERAL (SELECT max(total) AS last FROM orders o WHERE o.customer_id = c.id) l ORDER BY c.id',
    0,
  ],
  [
    'SELECT c.name, l.* FROM customers c CROSS JOIN LATERAL (SELECT o.id, o.total + 1 AS more FROM orders o WHERE o.customer_id = c.id) l ORDER BY l.id',
  ],
  [
    'SELECT email, (SELECT count(*) FROM orders o WHERE o.customer_id = c.id) FROM customers c ORDER BY id',
    0,
  ],
  [
    'SELECT c.email, EXISTS (SELECT * FROM orders o WHERE o.customer_id = c.id) FROM customers c ORDER BY id',
    0,
  ],
  ['SELECT EXISTS (SELECT * FROM customers WHERE id = 1)'],
  [
    'SELECT c.name, EXISTS (SELECT email FROM customers d WHERE d.id > c.id) FROM customers c ORDER BY id',
  ],
  ['SELECT email, g FROM customers, generate_series(1, 2) g ORDER BY id, g', 0],
  ['SELECT email, g + 1 FROM customers c, generate_series(1, 2) AS g(n) ORDER BY id, n', 0],
  [
    "SELECT c.email, v.label || '!' FROM customers c JOIN (VALUES (1, 'one'), (2, 'two')) v(id, label) ON v.id = c.id ORDER BY c.id",
    0,
  ],
  ["SELECT email, date_trunc('month', since) AS m FROM customers ORDER BY m, id", 0],
  ["SELECT date_trunc('month', since) AS m, count(*) FROM customers GROUP BY m ORDER BY m"],
  ['SELECT email, row_number() OVER (ORDER BY id) FROM customers ORDER BY id', 0],
  ['SELECT *, row_number() OVER (ORDER BY id) AS n FROM customers ORDER BY id', 2],
  [
    'SELECT email, sum(total) OVER w FROM customers c JOIN orders o ON o.customer_id = c.id WINDOW w AS (PARTITION BY c.id) ORDER BY o.id',
    0,
  ],
  ["SELECT email, CASE WHEN name = 'Ada' THEN 'a' ELSE 'b' END FROM customers ORDER BY id", 0],
  ['SELECT id, email FROM customers JOIN orders USING (id) ORDER BY id', 1],
  ['SELECT id, email, total FROM customers FULL JOIN orders USING (id) ORDER BY id', 1],
  ['SELECT *, 1 AS one FROM customers NATURAL JOIN orders ORDER BY id', 2],
  ['SELECT j.id, j.total + 1 FROM (customers JOIN orders USING (id)) AS j ORDER BY 1'],
  ['SELECT count(*) FROM customers a JOIN customers b ON a.email = b.email'],
  ['SELECT count(*) FROM customers a JOIN newsletter n USING (email)'],
  [
    "SELECT x.k, count(*) FROM (SELECT id % 2 AS k, email FROM customers WHERE email LIKE '%a%') x GROUP BY x.k ORDER BY 1",
  ],
  ["SELECT note ->> 'colour', email FROM customers ORDER BY id", 1],
  ['SELECT e.key, e.value FROM customers c, jsonb_each_text(c.note) e ORDER BY c.id'],
  [
    "SELECT array_agg(id ORDER BY id), string_agg(name, ',' ORDER BY id), array_agg(email) FROM customers",
    2,
  ],
  [
    'SELECT r.name, r.n FROM (SELECT name, 1 AS n FROM customers UNION ALL SELECT name, 2 FROM products) r ORDER BY 2, 1',
  ],
  ['SELECT * FROM names_of_customers ORDER BY 1'],
  ['SELECT * FROM orders_of_customers ORDER BY 1', 2],
  [
    'SELECT avg(total), round(avg(total), 2) FROM orders o WHERE EXISTS (SELECT 1 FROM customers c WHERE c.email IS NOT NULL)',
  ],
]

suite('ordinary queries beside masked columns', () => {
  let masked: MaskedTarget
  let client: Client
  let owner: Client

  before(async () => {
    masked = await startMaskedTarget(schema, classification)
    client = new Client(masked.edge.client)
    await client.connect()
    owner = await directClient(masked.target)
  })
  after(async () => {
    await client.end()
    await owner.end()
    await masked[Symbol.asyncDispose]()
  })

  test('the masking is well', () => {
    assert.deepEqual(masked.masking.health(), { state: 'ok' })
  })

  for (const [sql, ...places] of queries) {
    test(sql, async () => {
      const query = { text: sql, rowMode: 'array' }
      const shown = (await client.query<unknown[]>(query)).rows
      const stored = (await owner.query<unknown[]>(query)).rows
      assert.ok(stored.length > 0)
      const blank = (rows: readonly unknown[][]): unknown[][] =>
        rows.map((row) => row.map((value, place) => (places.includes(place) ? '' : value)))
      assert.deepEqual(blank(shown), blank(stored))
      for (const place of places) {
        stored.forEach((row, at) => {
          if (row[place] !== null) assert.notDeepEqual(shown[at]?.[place], row[place])
        })
      }
    })
  }
})

const classification = `
version: 1
columns:
  - { column: public.customers.email, class: email, mask: token }
`

const schema = `
CREATE TABLE customers (id int PRIMARY KEY, name text, email text, since date, note jsonb);
INSERT INTO customers VALUES
  (1, 'Ada', 'ada@example.net', '2026-01-02', '{"colour": "red"}'),
  (2, 'Bea', 'bea@example.net', '2026-01-20', '{"colour": "blue"}'),
  (3, 'Cyd', 'cyd@example.net', '2026-03-04', NULL);
CREATE TABLE products (id int PRIMARY KEY, name text);
INSERT INTO products VALUES (1, 'Bolt'), (2, 'Nut');
CREATE TABLE orders (id int PRIMARY KEY, customer_id int, total numeric);
INSERT INTO orders VALUES (1, 1, 10), (2, 1, 5), (3, 2, 7);
CREATE TABLE newsletter (email text, since date);
INSERT INTO newsletter VALUES ('ada@example.net', '2026-02-02');
CREATE VIEW names_of_customers AS
  SELECT upper(x.name) AS name FROM (SELECT * FROM customers) x UNION ALL SELECT name FROM products;
CREATE VIEW orders_of_customers AS
  SELECT o.id, round(o.total) AS total, c.email FROM orders o JOIN customers c ON c.id = o.customer_id;
`
