import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

import { openEmbeddedBus } from '../../../services/bus/adapters/embedded/embedded-bus.ts'
import { openKafkaBus } from '../../../services/bus/adapters/kafka/kafka-bus.ts'
import type { Bus } from '../../../services/bus/bus.ts'
import { topics } from '../../../services/bus/topics.ts'
import { EmbeddedIndex } from '../../../services/indexer/adapters/embedded/embedded-index.ts'
import { reconcileIndex } from '../../../services/indexer/reconcile.ts'
import type { SearchIndex } from '../../../services/indexer/search-index.ts'
import type { LedgerReader } from '../../../services/ledger/reader.ts'
import { createLogger } from '../../../services/runtime/logger.ts'
import type { KafkaEngine } from '../../engines/kafka.ts'
import type { OpenSearchEngine } from '../../engines/opensearch.ts'
import { partitions, startPipeline } from './pipeline.ts'
import type { Pipeline } from './pipeline.ts'
import { inWords, prove } from './proof.ts'
import { assertIndexed, openSearchIndexOn } from './search-index.ts'

/** Where one is null, the embedded one is in its place. */
export interface Engines {
  readonly kafka: KafkaEngine | null
  readonly search: OpenSearchEngine | null
}

const eventsPerSecond = Number(process.env['FAULT_EVENTS_PER_SECOND'] ?? 500)

/** Runs the pipeline on these engines, lets `fault` happen while events flow, and proves that nothing came of it. */
export async function survives(
  t: TestContext,
  { kafka, search }: Engines,
  fault: (pipeline: Pipeline) => Promise<void>,
): Promise<void> {
  await using owned = new AsyncDisposableStack()
  const directory = await mkdtemp(join(tmpdir(), 'affidavit-pipeline-'))
  owned.defer(() => rm(directory, { recursive: true, force: true }))
  const bus = owned.use(await (kafka === null ? embeddedBusIn(directory) : busOn(kafka)))
  const edgeBus = kafka === null ? bus : owned.use(await busOn(kafka))
  const index = owned.use(
    await (search === null
      ? EmbeddedIndex.open({ directory: join(directory, 'index') })
      : openSearchIndexOn(search)),
  )
  const pipeline = owned.use(
    await startPipeline({ directory, edgeBus, bus, index, eventsPerSecond }),
  )
  await pipeline.flows()
  await fault(pipeline)
  await pipeline.flows()
  await pipeline.finish()
  t.diagnostic(inWords(await prove(pipeline)))
  await assertReconciled(pipeline.ledger.reader, index)
  if (search !== null) await assertIndexed(search, pipeline.ledger)
}

/** The index has what it says it has, and all that is sealed; a log of its genesis alone has nothing to index. */
async function assertReconciled(ledger: LedgerReader, index: SearchIndex): Promise<void> {
  const { signal } = new AbortController()
  const logs = await reconcileIndex({ ledger, index, logger: createLogger('silent'), signal })
  for (const { lag, log, missing, sealed } of logs) {
    assert.equal(missing, 0, `the index lacks ${missing} entries of ${log}`)
    if (sealed > 1) assert.equal(lag, 0, `${lag} entries of ${log} are not indexed`)
  }
}

const topicConfigs = [
  { name: topics.auditEvents, partitions },
  { name: topics.ledgerSealed, partitions },
]

function embeddedBusIn(directory: string): Promise<Bus> {
  return openEmbeddedBus({ file: join(directory, 'bus.sqlite'), topics: topicConfigs })
}

export function busOn(kafka: KafkaEngine): Promise<Bus> {
  const replication = kafka.brokers.length
  return openKafkaBus({
    brokers: kafka.brokers,
    clientId: 'fault-test',
    tls: null,
    sasl: null,
    topics: topicConfigs,
    provision: { replication, minInsyncReplicas: Math.max(1, replication - 1) },
    logger: createLogger(process.env['FAULT_LOG'] ?? 'silent'),
  })
}
