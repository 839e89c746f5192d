import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'

import fc from 'fast-check'

import type { EmbeddedPostgres } from '../../../../../services/all-in-one/demo/database/embedded-postgres.ts'
import { decodeBackend } from '../../../../../services/edge/postgres/protocol/backend.ts'
import type { FrontendMessage } from '../../../../../services/edge/postgres/protocol/frontend.ts'
import { directClient, startEdge, startTarget } from '../edge-fixture.ts'
import type { TestEdge } from '../edge-fixture.ts'
import {
  bind,
  close,
  copyData,
  copyDone,
  describe,
  execute,
  flush,
  parse,
  rawClient,
  sync,
} from '../raw-client.ts'

/**
 * Whatever a client sends, in whatever order and however it is split, it is answered through the edge as it is without: messages, rows,
 * SQLSTATEs and the state of the transaction. Left out is what differs on purpose: what is refused, and the names that SQL and
 * protocol share.
 */

let server: EmbeddedPostgres
let edge: TestEdge

before(async () => {
  server = await startTarget()
  const owner = await directClient(server)
  await owner.query(
    'CREATE FUNCTION of_users() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN 7; END $$',
  )
  await owner.end()
  edge = await startEdge(server, { plain: true })
})
after(async () => {
  await edge[Symbol.asyncDispose]()
  await server[Symbol.asyncDispose]()
})

const texts = [
  'SELECT 1 AS one',
  'SELECT generate_series(1, 3)',
  'SELECT $1::int',
  'INSERT INTO numbers VALUES (1), (2)',
  'DELETE FROM numbers RETURNING n + 0',
  'SELECT count(*) FROM numbers',
  'SELECT of_users()',
  "SELECT of_users(), 'settles'",
  'SELECT 1/0',
  'SELECT missing',
  'BEGIN',
  'COMMIT',
  'ROLLBACK',
  'SAVEPOINT s',
  'ROLLBACK TO s',
  'COPY numbers TO STDOUT',
  "SET timezone = 'Asia/Tokyo'",
  '',
] as const

const several = [
  'SELECT 1; SELECT 2',
  'INSERT INTO numbers VALUES (3); SELECT 1/0',
  'BEGIN; SELECT of_users()',
  'COMMIT; SELECT 3',
]

const copyText = 'COPY numbers FROM STDIN'
const query = (text: string): FrontendMessage => ({ type: 'query', text: Buffer.from(text) })
const what = fc.constantFrom('statement', 'portal')
const aName = fc.constantFrom('', 'a', 'b')
const aText = fc.constantFrom(...texts)
const message: fc.Arbitrary<FrontendMessage> = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(aText, aName).map(([text, name]) => parse(text, name)) },
  {
    weight: 5,
    arbitrary: fc
      .tuple(aName, aName, fc.constantFrom([], [], ['5'], ['x']))
      .map(([statement, portal, values]) => bind(statement, portal, values)),
  },
  {
    weight: 5,
    arbitrary: fc.tuple(aName, fc.constantFrom(0, 0, 1)).map(([name, rows]) => execute(name, rows)),
  },
  { weight: 2, arbitrary: fc.tuple(what, aName).map(([of, name]) => describe(of, name)) },
  { weight: 2, arbitrary: fc.tuple(what, aName).map(([of, name]) => close(of, name)) },
  { weight: 4, arbitrary: fc.constant(sync) },
  { weight: 1, arbitrary: fc.constant(flush) },
  { weight: 3, arbitrary: fc.oneof(aText, fc.constantFrom(...several)).map(query) },
  { weight: 1, arbitrary: fc.constantFrom(copyData('4\n'), copyDone) },
)

/** Between its beginning and its end a COPY takes nothing else; whether it still ignores a Sync behind a wrong line nobody can know. */
const copy: fc.Arbitrary<readonly FrontendMessage[]> = fc
  .tuple(
    // libpq sends the Sync of a batch before the data, and another one behind it.
    fc.constantFrom(
      [query(copyText)],
      [parse(copyText, 'copy'), bind('copy', 'copy'), execute('copy')],
      [parse(copyText, 'copy'), bind('copy', 'copy'), execute('copy'), sync],
    ),
    fc.array(fc.constantFrom(copyData('5\n'), copyData('x\n'), flush), { maxLength: 4 }),
    fc.constantFrom(copyDone, { type: 'copy-fail', reason: 'no' } as const),
  )
  .map(([begin, data, end]) => [...begin, ...data, end, close('statement', 'copy')])

const messages = fc
  .array(
    fc.oneof(
      { weight: 12, arbitrary: message.map((each) => [each]) },
      { weight: 1, arbitrary: copy },
    ),
    { minLength: 1, maxLength: 30 },
  )
  .map((parts) => parts.flat())

test('a client is answered through the edge as without it', async () => {
  await fc.assert(
    fc.asyncProperty(
      messages,
      fc.constantFrom(Infinity, Infinity, 1, 7, 50),
      async (sent, writes) => {
        const { host } = edge.client
        const { port, superuser: user, superuserPassword: password } = server
        const direct = { client: { host, port, user, password, database: 'postgres' } }
        const [without, through] = await Promise.all([
          answersTo(direct, sent, Infinity),
          answersTo(edge, sent, writes),
        ])
        assert.deepEqual(through, without)
      },
    ),
    { numRuns: Number(process.env['RUNS'] ?? 150) },
  )
  const outcomes = edge.recorder.requests().map(({ completion }) => completion?.outcome)
  assert.ok(outcomes.length > 0)
  assert.deepEqual(
    outcomes.filter((outcome) => outcome === undefined || outcome === 'unknown'),
    [],
  )
})

/** All that comes up to the end of the connection, without words. */
async function answersTo(
  to: Parameters<typeof rawClient>[0],
  sent: readonly FrontendMessage[],
  writes: number,
): Promise<readonly unknown[]> {
  const client = await rawClient(to)
  await client.query('CREATE TEMP TABLE numbers (n int)')
  // Whatever state it is in, a COPY ends and the last batch is answered before the connection is closed.
  await client.send([...sent, copyDone, sync, { type: 'terminate' }], writes)
  const answers: unknown[] = []
  for await (const { type, bytes } of client.packets(Infinity)) {
    const kind = String.fromCharCode(type)
    const message = decodeBackend(type, bytes, 0, bytes.length)
    if (message?.type === 'error') {
      answers.push([kind, message.fields.get('C')])
      if (message.fields.get('V') === 'FATAL') break
    } else if (message?.type !== 'notice') answers.push([kind, bytes.toString('latin1', 5)])
  }
  await client.close()
  return answers
}
