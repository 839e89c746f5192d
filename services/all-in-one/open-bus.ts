import { readFile } from 'node:fs/promises'

import { cloudEventHeaders } from '../../schemas/cloud-event.ts'
import { openEmbeddedBus } from '../bus/adapters/embedded/embedded-bus.ts'
import { openKafkaBus } from '../bus/adapters/kafka/kafka-bus.ts'
import type { Bus } from '../bus/bus.ts'
import type { TopicConfig } from '../bus/topic-config.ts'
import { topics } from '../bus/topics.ts'
import { dataPaths } from '../runtime/config.ts'
import type { EdgeConfig, KafkaConfig } from '../runtime/config.ts'
import type { Logger } from '../runtime/logger.ts'

/** The bus of the configuration, with the topics of the product. */
export function openBus(config: EdgeConfig, logger: Logger): Promise<Bus> {
  const { kafka } = config.bus
  const log = logger.child({ part: 'bus' })
  if (kafka !== null) return openKafka(kafka, 'affidavit', topicsOf(config), true, log)
  return openEmbeddedBus({
    file: dataPaths(config.dataDirectory).bus,
    topics: topicsOf(config),
    logger: log,
  })
}

/** The bus of an edge alone: only what an edge may use there, and it makes no topics. */
export function openEdgeBus(config: EdgeConfig, kafka: KafkaConfig, logger: Logger): Promise<Bus> {
  const used = topicsOf(config).filter(({ name }) => name !== topics.ledgerSealed)
  const log = logger.child({ part: 'bus' })
  return openKafka(kafka, `affidavit-edge-${config.edge.id}`, used, false, log)
}

function topicsOf({ bus: { partitions, retentionMs } }: EdgeConfig): readonly TopicConfig[] {
  return [
    { name: topics.auditEvents, partitions, retentionMs },
    { name: topics.ledgerSealed, partitions, retentionMs },
    { name: topics.controlUpdates, partitions: 1, compacted: true },
  ]
}

async function openKafka(
  kafka: KafkaConfig,
  clientId: string,
  used: readonly TopicConfig[],
  mayProvision: boolean,
  logger: Logger,
): Promise<Bus> {
  const { brokers, tls, sasl, replication, minInsyncReplicas } = kafka
  return openKafkaBus({
    brokers,
    clientId,
    tls: tls && {
      ca: await readText(tls.caFile),
      certificate: await readText(tls.certificateFile),
      key: await readText(tls.keyFile),
    },
    sasl: sasl && {
      mechanism: sasl.mechanism,
      username: sasl.username,
      password: (await readFile(sasl.passwordFile, 'utf8')).trimEnd(),
    },
    topics: used,
    provision: mayProvision && kafka.createTopics ? { replication, minInsyncReplicas } : null,
    headersOf: cloudEventHeaders,
    logger,
  })
}

async function readText(file: string | null): Promise<string | null> {
  return file === null ? null : readFile(file, 'utf8')
}
