import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import type { TestContext } from 'node:test'

import { pino } from 'pino'

import { EmbeddedIndex } from '../../../services/indexer/adapters/embedded/embedded-index.ts'
import { QueryError } from '../../../services/indexer/query.ts'
import type { Query } from '../../../services/indexer/query.ts'
import { WatchedQuery } from '../../../services/indexer/watched-query.ts'

interface Watched {
  readonly query: WatchedQuery
  readonly clock: { atMs: number }
  readonly lines: Record<string, unknown>[]
}

function watched(query: Partial<Query>): Watched {
  const lines: Record<string, unknown>[] = []
  const logger = pino(
    { base: null },
    { write: (line) => lines.push(JSON.parse(line) as Record<string, unknown>) },
  )
  const clock = {
    atMs: Date.UTC(2026, 10, 30),
    nowMs: () => clock.atMs,
    nowUs: () => clock.atMs * 1000,
  }
  return { query: new WatchedQuery({ query: query as Query, clock, logger }), clock, lines }
}

async function anIndex(t: TestContext): Promise<{ index: EmbeddedIndex; file: string }> {
  const directory = await mkdtemp(join(tmpdir(), 'index-'))
  const index = await EmbeddedIndex.open({ directory })
  t.after(async () => {
    await index[Symbol.asyncDispose]()
    await rm(directory, { recursive: true })
  })
  return { index, file: join(directory, await readFile(join(directory, 'current'), 'utf8')) }
}

test('an index that cannot be read is told in the log and in health, by the engine and its error, without the question', async (t) => {
  const { index, file } = await anIndex(t)
  const { query, lines } = watched(index.query)
  await query.search({ text: 'salary' })
  assert.deepEqual(query.health(), { state: 'ok' })

  const other = new DatabaseSync(file)
  other.exec('DROP TABLE event')
  other.close()
  for (let time = 0; time < 5; time += 1) {
    await assert.rejects(query.search({ text: 'salary' }), { code: 'QUERY_UNAVAILABLE' })
  }
  assert.equal(lines.length, 1)
  const { code, engine, status, type, msg } = lines[0] ?? {}
  assert.deepEqual(
    [code, engine, status, type, msg],
    ['QUERY_UNAVAILABLE', 'sqlite', 1, 'SQL logic error', 'the index did not answer a question'],
  )
  assert.doesNotMatch(JSON.stringify(lines), /salary/)
  assert.deepEqual(query.health(), {
    state: 'degraded',
    reason:
      'the index answers no questions since 2026-11-30T00:00:00.000Z: sqlite 1 SQL logic error; start anew, and if that does not help make the index anew with `affidavit rebuild`',
  })
})

test('an index whose thread is gone says so', async (t) => {
  const { index } = await anIndex(t)
  const { query, lines } = watched(index.query)
  await index[Symbol.asyncDispose]()
  await assert.rejects(query.progress(), { code: 'QUERY_UNAVAILABLE' })
  assert.equal(lines[0]?.['type'], 'the thread has ended')
})

test('a failure that lasts is said once a minute, each kind by itself, and its end once', async () => {
  const failures: (QueryError | null)[] = []
  const { query, clock, lines } = watched({
    search() {
      const failure = failures.shift() ?? null
      return failure === null ? Promise.resolve({ hits: [], next: null }) : Promise.reject(failure)
    },
  })
  const down = new QueryError('QUERY_UNAVAILABLE', 'down', {
    fault: { engine: 'opensearch', status: 503, type: 'cluster_block_exception' },
  })
  const busy = new QueryError('QUERY_BUSY', 'busy', {
    fault: { engine: 'opensearch', status: 429, type: 'rejected' },
  })
  const ask = async (...given: (QueryError | null)[]): Promise<unknown[]> => {
    failures.push(...given)
    for (const _each of given) await query.search({}).catch(() => undefined)
    return lines.splice(0).map(({ type, msg }) => type ?? msg)
  }
  const again = 'the index answers questions again'
  assert.deepEqual(await ask(down, down, busy, down, busy), ['cluster_block_exception', 'rejected'])
  assert.deepEqual(await ask(null, null), [again])
  assert.deepEqual(await ask(down, null, down, null, busy), [])
  clock.atMs += 60_000
  assert.deepEqual(await ask(down, null, down, null), ['cluster_block_exception', again])
})

test('who asks for too much is no failure of the index; one that is busy is none of its health', async () => {
  let code: 'QUERY_BUSY' | 'QUERY_CURSOR_INVALID' = 'QUERY_CURSOR_INVALID'
  const { query, lines } = watched({ search: () => Promise.reject(new QueryError(code, 'no')) })
  await assert.rejects(query.search({}), { code })
  assert.deepEqual(lines, [])
  code = 'QUERY_BUSY'
  await assert.rejects(query.search({}), { code })
  assert.equal(lines[0]?.['code'], 'QUERY_BUSY')
  assert.deepEqual(query.health(), { state: 'ok' })
})
