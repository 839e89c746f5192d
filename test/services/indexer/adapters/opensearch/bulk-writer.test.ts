import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { BulkReply } from '../../../../../services/indexer/adapters/opensearch/bulk-reply.ts'
import { BulkWriter } from '../../../../../services/indexer/adapters/opensearch/bulk-writer.ts'
import type {
  BulkAnswer,
  MakeOperation,
} from '../../../../../services/indexer/adapters/opensearch/bulk-writer.ts'
import { Concurrency } from '../../../../../services/indexer/concurrency.ts'
import { silent } from '../../bus-with-logs.ts'

type Answer = (ids: readonly string[], request: number) => BulkReply | Error

/** A cluster that answers as a test says; it keeps what it answered 201 to. */
class FakeCluster {
  readonly requests: (readonly string[])[] = []
  readonly pauses: number[] = []
  readonly concurrency = new Concurrency(2, 8)
  readonly writer: BulkWriter

  constructor(answer: Answer, limits = { operations: 100, bytes: 10_000 }) {
    this.writer = new BulkWriter({
      send: (lines) => {
        const ids = idsIn(lines)
        this.requests.push(ids)
        const reply = answer(ids, this.requests.length)
        return reply instanceof Error ? Promise.reject(reply) : Promise.resolve(reply)
      },
      concurrency: this.concurrency,
      pause: (attempt) => {
        this.pauses.push(attempt)
        return Promise.resolve()
      },
      logger: silent,
      limits,
    })
  }

  async kinds(ids: readonly string[], signal = new AbortController().signal): Promise<string> {
    const outcomes = await this.writer.write(ids.map(operation), signal)
    return outcomes.map(({ kind }) => kind).join(' ')
  }
}

function operation(id: string): MakeOperation {
  return () => ({
    action: JSON.stringify({ create: { _index: 'i', _id: id } }),
    source: '{"a":1}',
  })
}

function idsIn(lines: Buffer): string[] {
  const all = lines
    .toString('utf8')
    .split('\n')
    .filter((line) => line.startsWith('{"create"'))
  return all.map((line) => (JSON.parse(line) as { create: { _id: string } }).create._id)
}

function item(status: number, type?: string): object {
  const error = type === undefined ? {} : { error: { type, reason: `because of ${type}` } }
  return { create: { status, _seq_no: 7, _primary_term: 1, ...error } }
}

const allWritten: Answer = (ids) => ({
  statusCode: 200,
  body: { items: ids.map(() => item(201)) },
})
const rejected = 'rejected_execution_exception'

/** As `first` for the first requests, then all is well. */
function atFirst(first: readonly (BulkReply | Error)[]): Answer {
  return (ids, request) => first[request - 1] ?? allWritten(ids, request)
}

test('what was written and what was there already are told apart', async () => {
  const cluster = new FakeCluster(() => ({
    statusCode: 200,
    body: { items: [item(201), item(409, 'version_conflict_engine_exception')] },
  }))
  assert.equal(await cluster.kinds(['a', 'b']), 'done conflict')
})

test('only the operations that were put off are sent again, and the pause grows', async () => {
  const cluster = new FakeCluster(
    atFirst([
      {
        statusCode: 200,
        body: {
          items: [
            item(201),
            item(429, rejected),
            item(201),
            item(503, 'unavailable_shards_exception'),
          ],
        },
      },
      { statusCode: 200, body: { items: [item(503, 'unavailable_shards_exception'), item(201)] } },
    ]),
  )
  assert.equal(await cluster.kinds(['a', 'b', 'c', 'd']), 'done done done done')
  assert.deepEqual(cluster.requests, [['a', 'b', 'c', 'd'], ['b', 'd'], ['b']])
  assert.deepEqual(cluster.pauses, [1, 2])
  assert.equal(cluster.writer.retries, 2)
})

test('a request is sent again whatever went wrong with it as a whole', async () => {
  const broken: readonly (BulkReply | Error)[] = [
    new Error('ECONNREFUSED'),
    { statusCode: 429, body: { error: { type: rejected } } },
    { statusCode: 503, body: '<html>503</html>' },
    { statusCode: 200, body: '<html>hello from the proxy</html>' },
    { statusCode: 200, body: {} },
    { statusCode: 200, body: { items: [item(201)] } },
    { statusCode: 200, body: { items: [item(201), {}] } },
    { statusCode: 502, body: null },
  ]
  const cluster = new FakeCluster(atFirst(broken))
  assert.equal(await cluster.kinds(['a', 'b']), 'done done')
  assert.equal(cluster.requests.length, broken.length + 1)
  assert.ok(cluster.requests.every((ids) => ids.join() === 'a,b'))
})

test('a request that is refused as a whole is halved until the one that poisons it stands alone', async () => {
  for (const statusCode of [400, 413]) {
    const cluster = new FakeCluster((ids, request) =>
      ids.includes('bad')
        ? {
            statusCode,
            body: { error: { type: 'illegal_argument_exception', reason: 'id is too long' } },
          }
        : allWritten(ids, request),
    )
    const ids = ['a', 'b', 'c', 'bad', 'd', 'e', 'f']
    assert.equal(await cluster.kinds(ids), 'done done done refused done done done')
    assert.deepEqual(cluster.pauses, [])
  }
})

test('a document that is refused does not hold the others up, and its error is kept', async () => {
  const cluster = new FakeCluster(() => ({
    statusCode: 200,
    body: { items: [item(201), item(400, 'mapper_parsing_exception')] },
  }))
  const { signal } = new AbortController()
  const outcomes = await cluster.writer.write(['a', 'b'].map(operation), signal)
  assert.deepEqual(outcomes[1], {
    kind: 'refused',
    error: {
      status: 400,
      type: 'mapper_parsing_exception',
      reason: 'mapper_parsing_exception: because of mapper_parsing_exception',
    },
  })
})

test('who may not write is told so, and no document is blamed', async () => {
  const denied: readonly BulkReply[] = [
    { statusCode: 401, body: 'Unauthorized' },
    { statusCode: 403, body: { error: { type: 'security_exception', reason: 'no permissions' } } },
    { statusCode: 200, body: { items: [item(403, 'cluster_block_exception')] } },
    { statusCode: 200, body: { items: [item(404, 'index_not_found_exception')] } },
  ]
  for (const reply of denied) {
    const cluster = new FakeCluster(() => reply)
    await assert.rejects(cluster.kinds(['a']), { code: 'INDEX_FAILED', message: /denies writing/ })
  }
})

test('operations travel in requests bounded by number and bytes, and their outcomes keep their order', async () => {
  const cluster = new FakeCluster(allWritten, { operations: 3, bytes: 10_000 })
  assert.equal((await cluster.kinds(['a', 'b', 'c', 'd', 'e', 'f', 'g'])).split(' ').length, 7)
  assert.deepEqual(
    cluster.requests.map(({ length }) => length),
    [3, 3, 1],
  )

  const small = new FakeCluster(allWritten, { operations: 100, bytes: 120 })
  await small.kinds(['a', 'b', 'c', 'd', 'e'])
  assert.deepEqual(
    small.requests.map(({ length }) => length),
    [2, 2, 1],
  )
})

test('it goes on asking until the signal aborts, then says why it stopped', async () => {
  const stop = new AbortController()
  const cluster = new FakeCluster((_ids, request) => {
    if (request === 200) stop.abort(new Error('the product stops'))
    return new Error('ECONNREFUSED')
  })
  await assert.rejects(cluster.kinds(['a'], stop.signal), /the product stops/)
  assert.equal(cluster.requests.length, 200)
})

test('fewer requests are under way after the cluster had too much to do, more after it had not', async () => {
  const overloaded = { statusCode: 200, body: { items: [item(429, rejected)] } }
  const cluster = new FakeCluster(atFirst([overloaded]))
  await cluster.kinds(['a'])
  assert.equal(cluster.concurrency.limit, 2)
  for (let at = 0; at < 60; at++) await cluster.kinds(['a'])
  assert.equal(cluster.concurrency.limit, 8)
})

test('no more requests are under way than there are slots', async () => {
  const concurrency = new Concurrency(2, 2)
  let running = 0
  let most = 0
  const work = async (): Promise<void> => {
    running += 1
    most = Math.max(most, running)
    await new Promise((resolve) => setImmediate(resolve))
    running -= 1
  }
  await Promise.all(Array.from({ length: 9 }, () => concurrency.run(work)))
  assert.equal(most, 2)
})

test('who gives up waiting for a slot keeps nobody from it', { timeout: 5_000 }, async () => {
  const concurrency = new Concurrency(1, 1)
  const { promise, resolve } = Promise.withResolvers<string>()
  const first = concurrency.run(() => promise)
  const leaving = new AbortController()
  const second = concurrency.run(() => Promise.resolve('second'), leaving.signal)
  const third = concurrency.run(() => Promise.resolve('third'))
  leaving.abort(new Error('the partition was taken'))
  await assert.rejects(second, /the partition was taken/)
  resolve('first')
  assert.deepEqual(await Promise.all([first, third]), ['first', 'third'])
  // Woken and gone at once: the slot is the next one's.
  const gate = Promise.withResolvers<string>()
  const held = concurrency.run(() => gate.promise)
  const late = new AbortController()
  const gone = concurrency.run(() => Promise.resolve('gone'), late.signal)
  const next = concurrency.run(() => Promise.resolve('next'))
  gate.resolve('held')
  await held
  late.abort(new Error('too late'))
  await gone.catch(() => undefined)
  assert.equal(await next, 'next')
})

test('documents are made when they are sent, again when that fails', async () => {
  let made = 0
  const source = (): string => {
    made += 1
    return '{"a":"ä€😀"}'
  }
  const bodies: string[] = []
  const writer = new BulkWriter({
    send: (lines) => {
      bodies.push(lines.toString('utf8'))
      return bodies.length === 1
        ? Promise.reject(new Error('ECONNRESET'))
        : Promise.resolve({ statusCode: 200, body: { items: [item(201)] } })
    },
    concurrency: new Concurrency(1, 1),
    pause: () => Promise.resolve(),
    logger: silent,
  })
  assert.equal(made, 0)
  const make: MakeOperation = () => ({ action: '{"create":{}}', source: source() })
  await writer.write([make], new AbortController().signal)
  assert.equal(made, 2)
  assert.deepEqual(bodies, Array(2).fill('{"create":{}}\n{"a":"ä€😀"}\n'))
})

test('versions are asked for by who needs them, and told where the answer has them', async () => {
  const asked: BulkAnswer[] = []
  const writer = new BulkWriter({
    send: (_lines, wanted) => {
      asked.push(wanted)
      const told = wanted === 'outcome' ? {} : { _seq_no: 7, _primary_term: 1 }
      return Promise.resolve({
        statusCode: 200,
        body: { items: [{ create: { status: 201, ...told } }] },
      })
    },
    concurrency: new Concurrency(1, 1),
    pause: () => Promise.resolve(),
    logger: silent,
  })
  const { signal } = new AbortController()
  const without = await writer.write([operation('a')], signal)
  const withVersions = await writer.write([operation('a')], signal, 'outcome and version')
  assert.deepEqual(without, [{ kind: 'done', version: null }])
  assert.deepEqual(withVersions, [{ kind: 'done', version: { seqNo: 7, primaryTerm: 1 } }])
  assert.deepEqual(asked, ['outcome', 'outcome and version'])
})

test('a request holds its own lines alone, whatever those before it held and became', async () => {
  const bodies: string[] = []
  const held: Buffer[] = []
  const statuses = [200, 500, 200, 200]
  const writer = new BulkWriter({
    send: (lines) => {
      held.push(lines)
      bodies.push(lines.toString('utf8'))
      const statusCode = statuses.shift() ?? 200
      return Promise.resolve({ statusCode, body: { items: [item(201)] } })
    },
    concurrency: new Concurrency(1, 1),
    pause: () => Promise.resolve(),
    logger: silent,
  })
  const line = (size: number): string => JSON.stringify('x'.repeat(size))
  for (const size of [100_000, 200_000, 3]) {
    const make: MakeOperation = () => ({ action: '{"create":{}}', source: line(size) })
    await writer.write([make], new AbortController().signal)
  }
  const expected = [100_000, 200_000, 200_000, 3].map((size) => `{"create":{}}\n${line(size)}\n`)
  assert.deepEqual(bodies, expected)
  // Nobody knows whether a request that went wrong is still being read.
  assert.equal(held[1]?.toString('utf8'), expected[1])
})
