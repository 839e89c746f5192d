import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestContext } from 'node:test'

import { Framer } from '../../../../../services/edge/postgres/protocol/frame.ts'
import { startRelay } from '../../../../support/relay.ts'
import { aPolicy } from '../../guard/policy-builders.ts'
import { bind, describe, execute, flush, parse, rawClient, sync } from '../raw-client.ts'
import { numbersTarget } from './numbers-target.ts'
import { aWaitingEdge, holdingPolicy } from './waiting-edge.ts'
import type { WaitingEdge } from './waiting-edge.ts'

/** What is parsed and bound goes out as the policy of then has it, and stands in the record as it went out. */

const numbers = numbersTarget()
const whole = [1, 2, 3, 4, 5]
const withoutDeletes = aPolicy(
  "id: work, targets: [orders], statements: [read, insert, transaction], relations: { read: ['*'], write: ['*'] }, outcome: allow",
)
const withDeletes = holdingPolicy('{ role: owner }', 'update')
const gone = 'DELETE FROM numbers WHERE n = $1'

interface Watched extends WaitingEdge {
  /** Types of what the target got since the last time. */
  sent(): string
}

async function aWatchedEdge(t: TestContext): Promise<Watched> {
  let chunks: Buffer[] = []
  const relay = await startRelay(numbers.server, (near, far) => {
    near.on('data', (chunk: Buffer) => chunks.push(chunk))
    far.pipe(near)
  })
  t.after(() => relay[Symbol.asyncDispose]())
  const target = { port: relay.port, tls: { mode: 'disable' } } as const
  const edge = await aWaitingEdge(t, numbers.server, { target })
  const sent = (): string => {
    let types = ''
    const framer = new Framer({ maxMessageBytes: 65_536, wholeUpTo: () => 65_536 })
    framer.push(Buffer.concat(chunks), {
      message: (type: number) => (types += String.fromCharCode(type)) !== '',
      part: () => false,
    })
    chunks = []
    return types
  }
  return { ...edge, sent }
}

/** What was recorded of each request: what was done, what was decided, and what became of it. */
function recorded(edge: WaitingEdge): readonly string[] {
  return edge.recorder.requests().map(({ operation, decision, completion, completions }) => {
    assert.equal(completions, 1)
    return `${operation} ${decision} ${completion?.outcome}`
  })
}

test('a Bind that another policy forbids by now does not go out, nor what comes behind it', async (t) => {
  const edge = await aWatchedEdge(t)
  edge.policies.replace(withDeletes)
  const client = await rawClient(edge)
  t.after(() => client.close())
  await client.send([parse(gone, 'd'), parse(gone, 'e'), sync])
  await client.answer()
  edge.policies.replace(withoutDeletes)
  edge.sent()
  await client.send([bind('d', 'p', ['1']), bind('e', 'q', ['2']), sync])
  const { types, errors } = await client.answer()
  assert.deepEqual([types, errors], ['EZ', ['42501']])
  // The edge's own Parse stands in, and fails.
  assert.equal(edge.sent(), 'PS')
  assert.deepEqual(recorded(edge), ['parse allow ok', 'parse allow ok', 'delete block refused'])
  assert.deepEqual(edge.recorder.requests().at(-1)?.parameters, ['1'])
})

test('what was kept back while it might have had to wait goes out only where the policy of then lets it', async (t) => {
  const select = [parse('SELECT 7'), bind(), execute()]
  for (const behind of [
    [sync],
    [flush, sync],
    [...select, sync],
    [bind('d', '', ['1']), execute(), sync],
  ]) {
    const edge = await aWatchedEdge(t)
    const client = await rawClient(edge)
    t.after(() => client.close())
    edge.sent()
    await client.send([parse(gone, 'd'), describe('statement', 'd'), bind('d', 'p', ['1'])])
    // The edge has read it.
    assert.equal((await rawClient(edge).then((other) => other.query('SELECT 1'))).types, 'TDCZ')
    edge.sent()
    edge.policies.replace(withoutDeletes)
    await client.send(behind)
    const { types, errors } = await client.answer()
    assert.deepEqual([types, errors], ['EZ', ['42501']])
    assert.match(edge.sent(), /^PH?S$/)
    assert.deepEqual(recorded(edge).slice(1), ['parse block refused'])
    // Nothing is left under the name.
    await client.send([bind('d', '', ['1']), sync])
    assert.deepEqual((await client.answer()).errors, ['26000'])
  }
  assert.deepEqual(await numbers.all(), whole)
})

test('where another policy forbids what waits, neither it nor its Parse and Bind go out', async (t) => {
  const edge = await aWatchedEdge(t)
  const client = await rawClient(edge)
  t.after(() => client.close())
  edge.sent()
  await client.send([parse(gone), bind('', '', ['1']), execute(), sync])
  await edge.asked()
  edge.policies.replace(withoutDeletes)
  const { types, errors } = await client.answer()
  assert.deepEqual([types, errors], ['NEZ', ['42501']])
  assert.match(edge.sent(), /^P+S$/)
  const [first, ...others] = recorded(edge)
  assert.equal(first, 'delete hold refused')
  assert.ok(others.every((each) => each === 'parse block refused'))
})

test('what cannot be recorded does not go out, and what was recorded before it does', async (t) => {
  const edge = await aWatchedEdge(t)
  const client = await rawClient(edge)
  t.after(() => client.close())
  const { recorder } = edge
  const most = recorder.events.length + 1
  Object.defineProperty(recorder, 'refusal', {
    configurable: true,
    get: () => (recorder.events.length >= most ? 'spool_full' : null),
  })
  edge.sent()
  await client.send([parse('SELECT $1', 's'), bind('s', 'p', ['1']), bind('s', 'q', ['2']), sync])
  const { types, errors } = await client.answer()
  assert.deepEqual([types, errors], ['1EZ', ['58030']])
  assert.equal(edge.sent(), 'PPS')
  Object.defineProperty(recorder, 'refusal', { value: null })
  assert.equal((await client.query('SELECT 1')).types, 'TDCZ')
  assert.deepEqual(recorded(edge), ['parse allow ok', 'select allow ok'])
})

test('a living name that is parsed anew and cannot be recorded keeps what it stands for, and nobody waits for its reply', async (t) => {
  const edge = await aWatchedEdge(t)
  const client = await rawClient(edge)
  t.after(() => client.close())
  await client.send([parse('SELECT 7', 's'), sync])
  await client.answer()
  edge.recorder.refusal = 'spool_full'
  edge.sent()
  await client.send([parse('SELECT 8', 's'), sync])
  assert.deepEqual((await client.answer()).errors, ['58030'])
  assert.match(edge.sent(), /^PH?S$/)
  edge.recorder.refusal = null
  await client.send([bind('s'), execute(), sync])
  assert.deepEqual((await client.answer()).rows, [['7']])
})
