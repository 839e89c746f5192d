import { readFile } from 'node:fs/promises'

import { cloudEventHeaders } from '../../schemas/cloud-event.ts'
import { openEmbeddedBus } from '../bus/adapters/embedded/embedded-bus.ts'
import { openKafkaBus } from '../bus/adapters/kafka/kafka-bus.ts'
import type { Bus } from '../bus/bus.ts'
import type { TopicConfig } from '../bus/topic-config.ts'
import { topics } from '../bus/topics.ts'
import { dataPaths } from '../runtime/config.ts'
import type { Config, EdgeConfig, KafkaConfig } from '../runtime/config.ts'
import type { Logger } from '../runtime/logger.ts'
import { readPassword } from './secrets.ts'

/** The bus of the configuration, with the topics of the product. */
export function openBus(config: Config, logger: Logger): Promise<Bus> {
  const { kafka } = config.bus
  const log = logger.child({ part: 'bus' })
  if (kafka !== null)
    return openKafka({
      kafka,
      clientId: 'affidavit',
      used: topicsOf(config),
      mayProvision: true,
      registryUrl: config.api.publicUrl.replace(/\/$/, ''),
      logger: log,
    })
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
  return openKafka({
    kafka,
    clientId: `affidavit-edge-${config.edge.id}`,
    used,
    mayProvision: false,
    registryUrl: null,
    logger: log,
  })
}

function topicsOf({ bus: { partitions, retentionMs } }: EdgeConfig): readonly TopicConfig[] {
  return [
    { name: topics.auditEvents, partitions, retentionMs },
    { name: topics.ledgerSealed, partitions, retentionMs },
    { name: topics.controlUpdates, partitions: 1, compacted: true },
  ]
}

interface KafkaUse {
  readonly kafka: KafkaConfig
  readonly clientId: string
  readonly used: readonly TopicConfig[]
  readonly mayProvision: boolean
  /** Where our schema registry answers, for `dataschema` of CloudEvents; null where that is not known. */
  readonly registryUrl: string | null
  readonly logger: Logger
}

async function openKafka(use: KafkaUse): Promise<Bus> {
  const { kafka, clientId, used, mayProvision, registryUrl, logger } = use
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
      password: await readPassword(sasl.passwordFile),
    },
    topics: used,
    provision: mayProvision && kafka.createTopics ? { replication, minInsyncReplicas } : null,
    headersOf: (value) => cloudEventHeaders(value, registryUrl === null ? {} : { registryUrl }),
    logger,
  })
}

async function readText(file: string | null): Promise<string | null> {
  return file === null ? null : readFile(file, 'utf8')
}
