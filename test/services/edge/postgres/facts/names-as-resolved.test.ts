import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'

import type { Client } from 'pg'

import type { EmbeddedPostgres } from '../../../../../services/all-in-one/demo/database/embedded-postgres.ts'
import { factsOf } from '../../../../../services/edge/postgres/facts.ts'
import { loadGrammar } from '../../../../../services/edge/postgres/facts/grammar.ts'
import { lineageOf } from '../../../../../services/edge/postgres/masking/lineage.ts'
import { directClient, startTarget } from '../edge-fixture.ts'
import { RandomQueries, randomTables } from './random-query.ts'

const grammar = await loadGrammar()
const wanted = 1_500

suite('names in random queries mean at least what PostgreSQL takes them for', () => {
  let server: EmbeddedPostgres
  let client: Client

  before(async () => {
    server = await startTarget()
    client = await directClient(server)
    await client.query('CREATE SCHEMA m')
    for (const [table, columns] of randomTables) {
      // Each value says where it stands: `ta` in column a of t.
      const values = columns.map((column) => `'${table}${column}' AS ${column}`)
      await client.query(`CREATE TABLE m.${table} AS SELECT ${values.join(', ')}`)
    }
  })
  after(async () => {
    await client.end()
    await server[Symbol.asyncDispose]()
  })

  test('columns that a view of the query depends on are read by it', async (t) => {
    for (const sql of await taken(client, 3)) {
      const result = factsOf(grammar, sql)
      assert.ok(result.ok, sql)
      const read = new Set(result.facts.columnsRead)
      for (const [table, column] of await dependencies(client, sql)) {
        const isRead = ['*', `m.${table}.*`, `m.${table}.${column}`].some((each) => read.has(each))
        assert.ok(isRead, `${table}.${column} in ${sql}: ${[...read].join(', ')}`)
      }
    }
    t.diagnostic(`${wanted} queries`)
  })

  test('columns whose values are shown are those that the answer tells of', async (t) => {
    let values = 0
    for (const sql of await taken(client, 4)) {
      const columns = lineageOf(selectOf(sql), catalog)
      assert.ok(columns, sql)
      const { rows } = await client.query<string[]>({ text: `${sql} LIMIT 20`, rowMode: 'array' })
      for (const row of rows) {
        for (const [place, value] of row.entries()) {
          const { reads, isUnknown } = columns[place] ?? { reads: new Set(), isUnknown: false }
          for (const column of toldBy(value)) {
            values += 1
            assert.ok(isUnknown || reads.has(column), `${column} is shown by ${sql}`)
          }
        }
      }
    }
    assert.ok(values > wanted, `only ${values} values`)
    t.diagnostic(`${values} values`)
  })
})

const catalog = {
  columnsNamed: ([schema, table]: readonly string[]) => {
    const columns = schema === 'm' ? randomTables.get(table ?? '') : undefined
    return columns === undefined ? [] : [columns]
  },
}

function selectOf(sql: string): Readonly<Record<string, unknown>> {
  const parsed = grammar.parse(sql)
  assert.ok(parsed.ok, sql)
  const [statement] = parsed.statements as readonly {
    readonly SelectStmt: Record<string, unknown>
  }[]
  return statement?.SelectStmt ?? {}
}

/** Queries that PostgreSQL takes, and runs without an error. */
async function taken(client: Client, seed: number): Promise<readonly string[]> {
  const queries = new RandomQueries(seed)
  const all: string[] = []
  while (all.length < wanted) {
    const sql = queries.next()
    const isTaken = await client.query(`EXPLAIN ${sql}`).then(
      () => true,
      () => false,
    )
    if (isTaken) all.push(sql)
  }
  return all
}

async function dependencies(client: Client, sql: string): Promise<readonly string[][]> {
  await client.query('BEGIN')
  await client.query(`CREATE VIEW m.probe AS ${sql}`)
  const { rows } = await client.query<string[]>({ text: dependenciesQuery, rowMode: 'array' })
  await client.query('ROLLBACK')
  return rows
}

const dependenciesQuery = `
SELECT c.relname, a.attname
FROM pg_rewrite r JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
JOIN pg_attribute a ON d.refclassid = 'pg_class'::regclass AND a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
JOIN pg_class c ON c.oid = a.attrelid
WHERE r.ev_class = 'm.probe'::regclass AND d.refobjsubid > 0 AND a.attrelid <> r.ev_class`

function toldBy(value: string | null): readonly string[] {
  const text = value?.toLowerCase() ?? ''
  return [...randomTables].flatMap(([table, columns]) =>
    columns
      .filter((column) => text.includes(`${table}${column}`))
      .map((column) => `m.${table}.${column}`),
  )
}
