import assert from 'node:assert/strict'

import { OpenSearchIndex } from '../../../services/indexer/adapters/opensearch/opensearch-index.ts'
import type { Ledger } from '../../../services/ledger/ledger.ts'
import { createLogger } from '../../../services/runtime/logger.ts'
import type { OpenSearchEngine } from '../../engines/opensearch.ts'

const prefix = 'audit-events'

export function openSearchIndexOn({ url }: OpenSearchEngine): Promise<OpenSearchIndex> {
  return OpenSearchIndex.open({
    nodes: [url],
    username: null,
    password: null,
    ca: null,
    prefix,
    logger: createLogger(process.env['FAULT_LOG'] ?? 'silent'),
  })
}

/** What OpenSearch itself holds of each log, past our client: as many entries as the ledger, none twice, the same positions. */
export async function assertIndexed(search: OpenSearchEngine, ledger: Ledger): Promise<void> {
  await ask(search, `/${prefix}/_refresh`)
  const answer = (await ask(search, `/${prefix}/_search`, {
    size: 0,
    aggs: {
      logs: {
        terms: { field: 'log', size: 100 },
        aggs: { sum: { sum: { field: 'position' } }, most: { max: { field: 'position' } } },
      },
    },
  })) as SearchAnswer
  const held = answer.aggregations.logs.buckets.map(({ key, doc_count: count, most, sum }) => ({
    log: key,
    count,
    most: most.value,
    sum: sum.value,
  }))
  assert.deepEqual(held.toSorted(byLog), await sealedOf(ledger))
}

interface SearchAnswer {
  readonly aggregations: {
    readonly logs: {
      readonly buckets: readonly {
        readonly key: string
        readonly doc_count: number
        readonly sum: { readonly value: number }
        readonly most: { readonly value: number }
      }[]
    }
  }
}

interface Held {
  readonly log: string
  readonly count: number
  readonly most: number
  readonly sum: number
}

/** Entries with a payload: a genesis has none, and is in no index. */
async function sealedOf({ reader }: Ledger): Promise<readonly Held[]> {
  const held: Held[] = []
  for (const { origin: log, size } of await reader.logs()) {
    let [count, most, sum] = [0, 0, 0]
    for await (const { payload, position } of reader.entries(log, 0, size)) {
      if (payload === null) continue
      count += 1
      most = position
      sum += position
    }
    if (count > 0) held.push({ log, count, most, sum })
  }
  return held.toSorted(byLog)
}

function byLog(left: Held, right: Held): number {
  return left.log < right.log ? -1 : 1
}

async function ask({ url }: OpenSearchEngine, path: string, body?: unknown): Promise<unknown> {
  const answer = await fetch(url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const given = await answer.json()
  assert.ok(answer.ok, `OpenSearch answers ${path} with ${answer.status}: ${JSON.stringify(given)}`)
  return given
}
