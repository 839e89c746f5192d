import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { TestContext } from 'node:test'

import fc from 'fast-check'

import { decodeEvent } from '../../../../schemas/codec.ts'
import type { EmbeddedPostgres } from '../../../../services/all-in-one/demo/database/embedded-postgres.ts'
import { factsOf } from '../../../../services/edge/postgres/facts.ts'
import { loadGrammar } from '../../../../services/edge/postgres/facts/grammar.ts'
import { EmbeddedIndex } from '../../../../services/indexer/adapters/embedded/embedded-index.ts'
import { documentOf } from '../../../../services/indexer/documents.ts'
import type { TransactionEnd } from '../../../../services/indexer/query.ts'
import { encoded } from '../../../support/an-event.ts'
import {
  directClient,
  startEdge,
  startTarget,
  TextPolicy,
} from '../../edge/postgres/edge-fixture.ts'
import type { TestEdge } from '../../edge/postgres/edge-fixture.ts'
import { rawClient } from '../../edge/postgres/raw-client.ts'

/**
 * Whatever clients do with transactions and savepoints, what a search and a session say of a statement is so at the target: what was
 * committed is there, what was rolled back is not.
 */

let server: EmbeddedPostgres
let edge: TestEdge

before(async () => {
  server = await startTarget()
  const owner = await directClient(server)
  await owner.query('CREATE TABLE kept (n int)')
  await owner.query('CREATE TABLE late (n int UNIQUE DEFERRABLE INITIALLY DEFERRED)')
  await owner.end()
  edge = await startEdge(server, { plain: true, guard: { policy: await aGrammarPolicy() } })
})
after(async () => {
  await edge[Symbol.asyncDispose]()
  await server[Symbol.asyncDispose]()
})

const names = fc.constantFrom('a', 'a', 'b', 'B', '"a"')
const part: fc.Arbitrary<string> = fc.oneof(
  { weight: 8, arbitrary: fc.constant('INSERT INTO kept VALUES (?)') },
  { weight: 4, arbitrary: fc.constantFrom('BEGIN', 'START TRANSACTION READ WRITE') },
  { weight: 3, arbitrary: names.map((name) => `SAVEPOINT ${name}`) },
  {
    weight: 3,
    arbitrary: fc
      .tuple(fc.constantFrom('ROLLBACK TO ', 'ROLLBACK WORK TO SAVEPOINT ', 'RELEASE '), names)
      .map(([does, name]) => `${does}${name}`),
  },
  { weight: 3, arbitrary: fc.constantFrom('COMMIT', 'END', 'COMMIT AND CHAIN') },
  { weight: 3, arbitrary: fc.constantFrom('ROLLBACK', 'ABORT', 'ROLLBACK AND CHAIN') },
  { weight: 1, arbitrary: fc.constantFrom('SELECT 1/0', 'INSERT INTO late VALUES (1), (1)') },
)
const text = fc.oneof(
  { weight: 5, arbitrary: part },
  {
    weight: 1,
    arbitrary: fc.array(part, { minLength: 2, maxLength: 4 }).map((all) => all.join('; ')),
  },
)
/** Whose savepoints are there, mostly. */
const transaction = fc
  .tuple(
    fc.array(
      fc.oneof(
        { weight: 4, arbitrary: fc.constant('INSERT INTO kept VALUES (?)') },
        { weight: 3, arbitrary: fc.constantFrom('SAVEPOINT a', 'SAVEPOINT a', 'SAVEPOINT b') },
        { weight: 3, arbitrary: fc.constantFrom('ROLLBACK TO a', 'ROLLBACK TO a', 'RELEASE a') },
        { weight: 1, arbitrary: part },
      ),
      { maxLength: 14 },
    ),
    fc.constantFrom('COMMIT', 'COMMIT', 'COMMIT AND CHAIN', 'ROLLBACK'),
  )
  .map(([body, end]) => ['BEGIN', 'SAVEPOINT a', 'SAVEPOINT b', ...body, end])
const texts = fc
  .array(
    fc.oneof(
      text.map((each) => [each]),
      transaction,
    ),
    { minLength: 1, maxLength: 5 },
  )
  .map((all) => all.flat())

test('what is told of transactions is what the target did', async (t) => {
  const index = await anIndex(t)
  const owner = await directClient(server)
  t.after(() => owner.end())
  let inserted = 0
  await fc.assert(
    fc.asyncProperty(texts, async (sent) => {
      const first = edge.recorder.events.length
      const sessions = edge.recorder.of('session.ended').length
      const client = await rawClient(edge)
      for (const each of sent) {
        await client.query(each.replaceAll('?', () => String((inserted += 1))))
      }
      await client.send([{ type: 'terminate' }])
      await client.close()
      await edge.recorder.until('session.ended', sessions + 1)
      await apply(index, first)
      const { rows } = await owner.query<{ n: number }>('SELECT n FROM kept')
      const kept = new Set(rows.map(({ n }) => n))
      const session = edge.recorder.events[first]?.session_id ?? ''
      const { statements } = await index.query.statements(session)
      const { hits } = await index.query.search({ session, outcome: 'ok' }, { limit: 500 })
      for (const { statement, transaction, outcome } of [...statements, ...hits]) {
        if (outcome !== 'ok') continue
        for (const [, n] of (statement ?? '').matchAll(/kept VALUES \((\d+)\)/g)) {
          const said = lasts(transaction)
          const is = kept.has(Number(n))
          assert.ok(said === null || said === is, `${n} ${JSON.stringify(transaction)}: ${is}`)
        }
      }
    }),
    { numRuns: Number(process.env['RUNS'] ?? 150) },
  )
  const told = (await index.query.search({ kind: 'insert', outcome: 'ok' }, { limit: 500 })).hits
  assert.ok(told.length > 0)
})

/** Null where nothing is claimed. */
function lasts(transaction: TransactionEnd | null): boolean | null {
  if (transaction === null) return true
  const { state } = transaction
  return state === 'unknown' ? null : state === 'committed'
}

async function anIndex(t: TestContext): Promise<EmbeddedIndex> {
  const directory = await mkdtemp(join(tmpdir(), 'index-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  const index = await EmbeddedIndex.open({ directory })
  t.after(() => index[Symbol.asyncDispose]())
  return index
}

/** What the edge has recorded since, as if it were sealed. */
async function apply(index: EmbeddedIndex, first: number): Promise<void> {
  const documents = edge.recorder.events.slice(first).map((event, at) => {
    const position = first + at + 1
    const value = encoded({ ...event, id: crypto.randomUUID() })
    assert.equal(decodeEvent(value).producer_seq, event.producer_seq)
    const leafHash = hash('sha256', String(position), 'buffer')
    return documentOf({ log: 'log', position, leafHash, value })
  })
  await index.apply(documents, { logs: [] })
}

/** Allows everything, and names it as the edge does. */
async function aGrammarPolicy(): Promise<TextPolicy> {
  const grammar = await loadGrammar()
  const policy = new TextPolicy()
  const decide = policy.decide.bind(policy)
  policy.decide = (sql) => {
    const result = factsOf(grammar, sql)
    assert.ok(result.ok, sql)
    return { ...decide(sql), operation: result.facts.kinds.join(',') }
  }
  return policy
}
