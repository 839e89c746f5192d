import { createHash, randomUUID } from 'node:crypto'
import { Agent, request } from 'node:http'
import { pino } from 'pino'

import { partitionOf } from '../../services/bus/partitioner.ts'
import type { Bus, StoredRecord } from '../../services/bus/bus.ts'
import { sealedHeaders, topics } from '../../services/bus/topics.ts'
import { OpenSearchIndex } from '../../services/indexer/adapters/opensearch/opensearch-index.ts'
import { documentOf } from '../../services/indexer/documents.ts'
import { startIndexer } from '../../services/indexer/indexer.ts'
import { sealedRecordOf } from '../../services/indexer/sealed-record.ts'
import { startOpenSearch } from '../engines/opensearch.ts'
import {
  aCompletion,
  aDecision,
  aRequest,
  aSession,
  anActor,
  anEvent,
  encoded,
} from '../support/an-event.ts'

const partitions = 6
const sessions = 120
const rounds = 4
const documentsPerRequest = 2_000
const requestsInFlight = 2

/**
 * Sealed records into OpenSearch by our indexer (decoding, folding, bulk, progress), beside a raw `_bulk` of the very documents that come
 * out of it, 2,000 per request, two requests side by side, into empty indices made by the same templates. Rounds of the two alternate on
 * one node, and which of them begins alternates too, since a node that was just started gets quicker from one to the other. The ratio
 * of each round counts, their median and their spread.
 */
export async function measureSealedToIndex(wanted: number): Promise<void> {
  const skipped: string[] = []
  await using engine = await startOpenSearch({ skip: (reason) => skipped.push(reason ?? '') })
  if (engine === null) {
    console.log(`sealed → OpenSearch: not measured, ${skipped.join()}`)
    return
  }
  const { url } = engine
  const records = sealedRecords(Math.ceil(wanted / (2 * sessions)))
  const events = records.reduce((sum, { length }) => sum + length, 0)
  // What comes out of a first run is what the raw load writes; both warm the engine up and do not count.
  const first = await measured(url, (prefix) => runIndexer(url, prefix, records), linesOf)
  const lines = first.result
  const warm = await measured(url, (prefix) => runRaw(url, prefix, lines), nothing)
  console.log(
    `sealed → OpenSearch, ${events} records → ${lines.length} documents, ${rounds} rounds of each, alternating`,
  )
  console.log(`  warm-up: ours ${first.seconds.toFixed(1)} s, raw ${warm.seconds.toFixed(1)} s`)
  const ours: number[] = []
  const raw: number[] = []
  for (let round = 1; round <= rounds; round++) {
    const runs = [
      async (): Promise<void> => {
        const run = (prefix: string): Promise<number> => runIndexer(url, prefix, records)
        ours.push((await measured(url, run, nothing)).seconds)
      },
      async (): Promise<void> => {
        const run = (prefix: string): Promise<number> => runRaw(url, prefix, lines)
        raw.push((await measured(url, run, nothing)).seconds)
      },
    ]
    for (const run of round % 2 === 0 ? runs : runs.reverse()) await run()
    const own = ours.at(-1) ?? NaN
    const other = raw.at(-1) ?? NaN
    console.log(
      `  round ${round}: ours ${own.toFixed(1)} s, raw ${other.toFixed(1)} s, ratio ${(other / own).toFixed(2)}`,
    )
  }
  console.log('                records/s  documents/s')
  const row = (name: string, seconds: number): void =>
    console.log(
      `  ${name.padEnd(12)}${rate(events, seconds).padStart(11)}${rate(lines.length, seconds).padStart(13)}`,
    )
  row('our indexer', median(ours))
  row('raw _bulk', median(raw))
  const ratios = raw.map((seconds, at) => seconds / (ours[at] ?? NaN))
  const [least, most] = [Math.min(...ratios), Math.max(...ratios)]
  console.log(
    `  ratio ${median(ratios).toFixed(2)}, ${least.toFixed(2)} to ${most.toFixed(2)} (to reach: 0.85)`,
  )
}

/** One run into indices of its own, which are deleted after it. */
async function measured<T>(
  url: string,
  run: (prefix: string) => Promise<number>,
  look: (url: string, prefix: string) => Promise<T>,
): Promise<{ readonly seconds: number; readonly result: T }> {
  const prefix = `bench-${randomUUID()}`
  const seconds = await run(prefix)
  const result = await look(url, prefix)
  const made = (await call(url, 'GET', `/_cat/indices/${prefix}*?h=index&format=json`)) as {
    index: string
  }[]
  await call(url, 'DELETE', `/${made.map(({ index }) => index).join(',')}`)
  return { seconds, result }
}

function nothing(): Promise<void> {
  return Promise.resolve()
}

function rate(count: number, seconds: number): string {
  return Math.round(count / seconds).toLocaleString('en')
}

/** What the ledger sends, by partition: sessions whose statements are received and completed, each session in one partition. */
function sealedRecords(statementsOfEach: number): readonly (readonly StoredRecord[])[] {
  const all = Array.from({ length: partitions }, (): StoredRecord[] => [])
  const startUs = Date.UTC(2026, 10, 25, 8) * 1_000
  let seq = 0
  const seal = (sessionId: string, given: Parameters<typeof anEvent>[0]): void => {
    const records = all[partitionOf(Buffer.from(sessionId), partitions)] ?? []
    const value = encoded(
      anEvent({
        session_id: sessionId,
        producer_seq: seq,
        occurred_at: startUs + 500 * seq++,
        actor: anActor(),
        target: { name: 'shop-db', kind: 'postgres', address: '127.0.0.1:5432' },
        source: { address: '10.0.0.9', port: 40_000, tls: 'TLSv1.3' },
        ...given,
      }),
    )
    const position = records.length + 1
    const log = `bench.example/bench/audit.events/p0${all.indexOf(records)}/2026q4`
    records.push({
      key: Buffer.from(sessionId),
      offset: BigInt(position),
      timestampMs: 0,
      leaderEpoch: null,
      value,
      headers: {
        [sealedHeaders.log]: Buffer.from(log),
        [sealedHeaders.position]: Buffer.from(String(position)),
        [sealedHeaders.leafHash]: createHash('sha256').update(value).digest(),
      },
    })
  }
  const ids = Array.from({ length: sessions }, () => randomUUID())
  for (const id of ids) seal(id, { type: 'session.started', session: aSession() })
  for (let at = 0; at < statementsOfEach; at++) {
    for (const id of ids) {
      const request_id = `${id}-${at}`
      const statement = `SELECT name, amount FROM public.orders WHERE customer = ${seq} AND amount > ${at}`
      seal(id, {
        type: 'request.received',
        request_id,
        request: aRequest(statement, { reads: ['public.orders'] }),
        decision: aDecision(),
      })
      seal(id, { type: 'request.completed', request_id, completion: aCompletion({ rows: at }) })
    }
  }
  return all
}

async function runIndexer(
  url: string,
  prefix: string,
  records: readonly (readonly StoredRecord[])[],
): Promise<number> {
  const logger = pino({ level: 'warn' })
  await using index = await openIndex(url, prefix)
  const stop = new AbortController()
  const { bus, read } = busOf(records)
  // The indices are made by the first documents; the raw load has them made before it begins.
  const first = sealedRecordOf(records.find((some) => some.length > 0)?.[0] as StoredRecord)
  if (first !== null) await index.apply([documentOf(first)], { logs: [] })
  const started = performance.now()
  await using _indexer = startIndexer({ bus, index, logger, signal: stop.signal })
  await read
  const seconds = (performance.now() - started) / 1_000
  stop.abort()
  return seconds
}

function openIndex(url: string, prefix: string): Promise<OpenSearchIndex> {
  const logger = pino({ level: 'warn' })
  return OpenSearchIndex.open({
    nodes: [url],
    username: null,
    password: null,
    ca: null,
    prefix,
    logger,
  })
}

/** A bus that costs nothing: it hands the records over from memory, partitions side by side. */
function busOf(records: readonly (readonly StoredRecord[])[]): {
  readonly bus: Bus
  readonly read: Promise<unknown>
} {
  const read = Promise.withResolvers<unknown>()
  const bus: Bus = {
    producer: { send: () => Promise.reject(new Error('only read')) },
    partitionsOf: () => Promise.resolve(records.length),
    watermarks: () => Promise.resolve({ low: 0n, high: 0n }),
    consumer: ({ maxRecords = 1_000 }) => ({
      run: async (handle, signal) => {
        const reading = records.map(async (some, partition) => {
          for (let from = 0; from < some.length; from += maxRecords) {
            const highWatermark = BigInt(some.length + 1)
            await handle({
              topic: topics.ledgerSealed,
              partition,
              records: some.slice(from, from + maxRecords),
              highWatermark,
              beat: () => Promise.resolve(),
            })
          }
        })
        read.resolve(await Promise.all(reading).catch(read.reject))
        signal.throwIfAborted()
      },
      [Symbol.asyncDispose]: () => Promise.resolve(),
    }),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
  return { bus, read: read.promise }
}

interface Line {
  /** Its name behind the prefix. */
  readonly index: string
  readonly id: string
  readonly source: string
}

/** Everything the indexer has written, to be written again. */
async function linesOf(url: string, prefix: string): Promise<readonly Line[]> {
  const lines: Line[] = []
  const indices = `${prefix}-entries-*,${prefix}-statements-*,${prefix}-sessions-*`
  await call(url, 'POST', `/${indices}/_refresh`)
  const { pit_id } = (await call(
    url,
    'POST',
    `/${indices}/_search/point_in_time?keep_alive=5m`,
  )) as {
    pit_id: string
  }
  let after: unknown
  for (;;) {
    const { hits } = (await call(url, 'POST', '/_search', {
      size: 5_000,
      pit: { id: pit_id, keep_alive: '5m' },
      sort: ['_shard_doc'],
      ...(after === undefined ? {} : { search_after: after }),
    })) as { hits: { hits: { _index: string; _id: string; _source: object; sort: unknown }[] } }
    for (const { _index, _id, _source } of hits.hits) {
      const index = _index.slice(prefix.length)
      lines.push({ index, id: _id, source: JSON.stringify(_source) })
    }
    after = hits.hits.at(-1)?.sort
    if (hits.hits.length === 0) break
  }
  await call(url, 'DELETE', '/_search/point_in_time', { pit_id: [pit_id] })
  return lines
}

async function runRaw(url: string, prefix: string, lines: readonly Line[]): Promise<number> {
  await using _index = await openIndex(url, prefix)
  for (const name of new Set(lines.map(({ index }) => index))) {
    await call(url, 'PUT', `/${prefix}${name}`).catch(() => undefined)
  }
  const bodies: string[] = []
  for (let from = 0; from < lines.length; from += documentsPerRequest) {
    bodies.push(
      lines
        .slice(from, from + documentsPerRequest)
        .map(
          ({ index, id, source }) =>
            `${JSON.stringify({ create: { _index: prefix + index, _id: id } })}\n${source}\n`,
        )
        .join(''),
    )
  }
  const agent = new Agent({ keepAlive: true })
  const started = performance.now()
  const send = async (): Promise<void> => {
    for (let body = bodies.shift(); body !== undefined; body = bodies.shift()) {
      await bulk(url, agent, body)
    }
  }
  await Promise.all(Array.from({ length: requestsInFlight }, send))
  const seconds = (performance.now() - started) / 1_000
  agent.destroy()
  return seconds
}

function bulk(url: string, agent: Agent, body: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const sent = request(`${url}/_bulk?filter_path=errors`, {
      method: 'POST',
      agent,
      headers: { 'content-type': 'application/x-ndjson' },
    })
    sent.on('error', reject)
    sent.on('response', (response) => {
      let answer = ''
      response.setEncoding('utf8')
      response.on('data', (text: string) => (answer += text))
      response.on('end', () =>
        answer === '{"errors":false}' ? resolve() : reject(new Error(answer.slice(0, 500))),
      )
    })
    sent.end(body)
  })
}

async function call(url: string, method: string, path: string, body?: object): Promise<unknown> {
  const response = await fetch(`${url}${path}`, {
    method,
    headers: { 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status}`)
  return response.json()
}

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? NaN
}
