import { openEmbeddedBus } from '../bus/adapters/embedded/embedded-bus.ts'
import type { Bus } from '../bus/bus.ts'
import { topics } from '../bus/topics.ts'
import { dataPaths } from '../runtime/config.ts'
import type { EdgeConfig } from '../runtime/config.ts'
import type { Logger } from '../runtime/logger.ts'

/** The bus of the configuration, with the topics of the product. */
export function openBus(config: EdgeConfig, logger: Logger): Promise<Bus> {
  const { partitions, retentionMs, kafka } = config.bus
  if (kafka !== null) throw new Error('bus.kind kafka is not in this build yet')
  return openEmbeddedBus({
    file: dataPaths(config.dataDirectory).bus,
    topics: [
      { name: topics.auditEvents, partitions, retentionMs },
      { name: topics.ledgerSealed, partitions, retentionMs },
      { name: topics.controlUpdates, partitions: 1, compacted: true },
    ],
    logger: logger.child({ part: 'bus' }),
  })
}
