import { randomUUID } from 'node:crypto'
import { Agent, request } from 'node:http'
import { pino } from 'pino'

import { OpenSearchIndex } from '../../services/indexer/adapters/opensearch/opensearch-index.ts'
import { documentOf } from '../../services/indexer/documents.ts'
import { startIndexer } from '../../services/indexer/indexer.ts'
import { sealedRecordOf } from '../../services/indexer/sealed-record.ts'
import { startOpenSearch } from '../engines/opensearch.ts'
import { busOf, sealedRecords, sessions } from './sealed-load.ts'
import type { SealedPartition } from './sealed-load.ts'

const rounds = 4
const documentsPerRequest = 2_000
const requestsInFlight = 2

/** What a run took. */
interface Took {
  readonly seconds: number
  /** CPU time of this process and of the OpenSearch node. */
  readonly ownCpu: number
  readonly nodeCpu: number
}

/**
 * Sealed records into OpenSearch by our indexer (decoding, folding, encoding, bulk, progress), beside a raw `_bulk` of the very documents
 * that come out of it, into empty indices made by the same templates, with the same refreshes, ids and `create`, 2,000 per request, two
 * requests side by side. Rounds of the two alternate on one node, and which of them begins alternates too, since a node that was just
 * started gets quicker from one to the other. The ratio of each round counts, their median and their spread.
 *
 * Each gets what is fair to the other. The raw load has its requests made beforehand, as bytes, one index each, and asks for no answer
 * but whether there were errors: nothing of ours counts against it. Its documents come in the order of their events, as ours have to:
 * the indices are sorted newest first, and documents read from them, sent in that order, would spare the node the sorting. Decoding and
 * encoding take cores from a node on the same machine, which the CPU seconds show; on a busy machine their ratio says more than the clock.
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
  const runOurs = (prefix: string): Promise<number> => runIndexer(url, prefix, records)
  // What comes out of a first run is what the raw load writes; both warm the engine up and do not count.
  const { took: first, result: load } = await measured(url, runOurs, async (prefix) =>
    loadOf(await writtenIn(url, prefix)),
  )
  const documents = load.reduce((sum, { documents }) => sum + documents, 0)
  const runLoad = (prefix: string): Promise<number> => runRaw(url, prefix, load)
  const { took: warm } = await measured(url, runLoad, nothing)
  console.log(
    `sealed → OpenSearch, ${events} records → ${documents} documents, ${rounds} rounds of each, alternating`,
  )
  console.log(`  warm-up: ours ${words(first)}, raw ${words(warm)}`)
  const ours: Took[] = []
  const raw: Took[] = []
  for (let round = 1; round <= rounds; round++) {
    const runs = [
      async () => ours.push((await measured(url, runOurs, nothing)).took),
      async () => raw.push((await measured(url, runLoad, nothing)).took),
    ]
    for (const run of round % 2 === 0 ? runs : runs.reverse()) await run()
    const [own, other] = [ours.at(-1) ?? first, raw.at(-1) ?? warm]
    console.log(
      `  round ${round}: ours ${words(own)}, raw ${words(other)}, ratio ${(other.seconds / own.seconds).toFixed(2)}`,
    )
  }
  console.log('                records/s  documents/s')
  const row = (name: string, took: readonly Took[]): void => {
    const seconds = median(took.map(({ seconds }) => seconds))
    console.log(
      `  ${name.padEnd(12)}${rate(events, seconds).padStart(11)}${rate(documents, seconds).padStart(13)}`,
    )
  }
  row('our indexer', ours)
  row('raw _bulk', raw)
  const ratios = (of: (took: Took) => number): string => {
    const all = raw.map((took, at) => of(took) / of(ours[at] ?? took))
    const [least, most] = [Math.min(...all), Math.max(...all)]
    return `${median(all).toFixed(2)}, ${least.toFixed(2)} to ${most.toFixed(2)}`
  }
  console.log(`  ratio ${ratios(({ seconds }) => seconds)} (to reach: 0.85)`)
  console.log(`  ratio by CPU time ${ratios(({ ownCpu, nodeCpu }) => ownCpu + nodeCpu)}`)
}

/** One run into indices of its own, which are deleted after it. */
async function measured<T>(
  url: string,
  run: (prefix: string) => Promise<number>,
  look: (prefix: string) => Promise<T>,
): Promise<{ readonly took: Took; readonly result: T }> {
  const prefix = `bench-${randomUUID()}`
  const ownBefore = process.cpuUsage()
  const nodeBefore = await nodeCpuOf(url)
  const seconds = await run(prefix)
  const { user, system } = process.cpuUsage(ownBefore)
  const nodeCpu = (await nodeCpuOf(url)) - nodeBefore
  const result = await look(prefix)
  const made = (await call(url, 'GET', `/_cat/indices/${prefix}*?h=index&format=json`)) as {
    index: string
  }[]
  await call(url, 'DELETE', `/${made.map(({ index }) => index).join(',')}`)
  return { took: { seconds, ownCpu: (user + system) / 1_000_000, nodeCpu }, result }
}

/** CPU seconds of all nodes since they were started. */
async function nodeCpuOf(url: string): Promise<number> {
  const { nodes } = (await call(url, 'GET', '/_nodes/stats/process')) as {
    nodes: Record<string, { process: { cpu: { total_in_millis: number } } }>
  }
  const millis = Object.values(nodes).map(({ process: { cpu } }) => cpu.total_in_millis)
  return millis.reduce((sum, each) => sum + each, 0) / 1_000
}

function words({ seconds, ownCpu, nodeCpu }: Took): string {
  return `${seconds.toFixed(1)} s (CPU ${ownCpu.toFixed(1)} + ${nodeCpu.toFixed(1)} s)`
}

function nothing(): Promise<void> {
  return Promise.resolve()
}

function rate(count: number, seconds: number): string {
  return Math.round(count / seconds).toLocaleString('en')
}

async function runIndexer(
  url: string,
  prefix: string,
  records: readonly SealedPartition[],
): Promise<number> {
  const logger = pino({ level: 'warn' })
  await using index = await openIndex(url, prefix)
  const stop = new AbortController()
  const { bus, read } = busOf(records)
  // The indices are made by the first documents; the raw load has them made before it begins.
  const [start] = records.find((some) => some.length > 0)?.records(0, 1) ?? []
  const first = start === undefined ? null : sealedRecordOf(start)
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

interface Written {
  /** The index's name behind the prefix. */
  readonly index: string
  readonly id: string
  readonly source: string
  /** When what it tells of happened. */
  readonly atUs: number
}

/** One `_bulk` request, as bytes. */
interface Load {
  readonly index: string
  readonly documents: number
  readonly lines: Buffer
}

/** Everything the indexer has written, to be written again. */
async function writtenIn(url: string, prefix: string): Promise<readonly Written[]> {
  const written: Written[] = []
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
    })) as {
      hits: {
        hits: { _index: string; _id: string; _source: { occurred_us: number }; sort: unknown }[]
      }
    }
    for (const { _index, _id, _source } of hits.hits) {
      const index = _index.slice(prefix.length)
      written.push({ index, id: _id, source: JSON.stringify(_source), atUs: _source.occurred_us })
    }
    after = hits.hits.at(-1)?.sort
    if (hits.hits.length === 0) break
  }
  await call(url, 'DELETE', '/_search/point_in_time', { pit_id: [pit_id] })
  return written
}

async function runRaw(url: string, prefix: string, load: readonly Load[]): Promise<number> {
  await using _index = await openIndex(url, prefix)
  for (const name of new Set(load.map(({ index }) => index))) {
    await call(url, 'PUT', `/${prefix}${name}`).catch(() => undefined)
  }
  const waiting = [...load]
  const agent = new Agent({ keepAlive: true })
  const started = performance.now()
  const send = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      await bulk(`${url}/${prefix}${next.index}`, agent, next.lines)
    }
  }
  await Promise.all(Array.from({ length: requestsInFlight }, send))
  const seconds = (performance.now() - started) / 1_000
  agent.destroy()
  return seconds
}

/** The requests of the raw load: of one index each, in the order in which their first documents came to be. */
function loadOf(documents: readonly Written[]): readonly Load[] {
  const inOrder = documents.toSorted((one, other) => one.atUs - other.atUs)
  const load: (Load & { readonly atUs: number })[] = []
  for (const [index, some] of Map.groupBy(inOrder, ({ index }) => index)) {
    for (let from = 0; from < some.length; from += documentsPerRequest) {
      const lines = some
        .slice(from, from + documentsPerRequest)
        .map(({ id, source }) => `${JSON.stringify({ create: { _id: id } })}\n${source}\n`)
      load.push({
        index,
        documents: lines.length,
        lines: Buffer.from(lines.join('')),
        atUs: some[from]?.atUs ?? 0,
      })
    }
  }
  return load.toSorted((one, other) => one.atUs - other.atUs)
}

function bulk(index: string, agent: Agent, lines: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const sent = request(`${index}/_bulk?filter_path=errors`, {
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
    sent.end(lines)
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
