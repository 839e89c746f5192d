import { join } from 'node:path'

import { securityProperties } from './kafka-security.ts'
import type { KafkaSecurity } from './kafka-security.ts'

/** Where the brokers of a cluster listen; the place in the list is the node id, less one. */
export interface BrokerPorts {
  readonly client: number
  readonly controller: number
}

/** The `server.properties` of one broker that is its own controller. */
export function brokerProperties(
  nodeId: number,
  cluster: readonly BrokerPorts[],
  security: KafkaSecurity | null,
  directory: string,
): string {
  const own = cluster[nodeId - 1]
  if (own === undefined) throw new Error(`the cluster has no broker ${nodeId}`)
  const protocol = security === null ? 'PLAINTEXT' : 'SASL_SSL'
  const settings: Record<string, string | number | boolean> = {
    'process.roles': 'broker,controller',
    'node.id': nodeId,
    'controller.quorum.voters': cluster
      .map(({ controller }, at) => `${at + 1}@127.0.0.1:${controller}`)
      .join(),
    listeners: `CLIENT://127.0.0.1:${own.client},CONTROLLER://127.0.0.1:${own.controller}`,
    'advertised.listeners': `CLIENT://127.0.0.1:${own.client}`,
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'CLIENT',
    'listener.security.protocol.map': `CLIENT:${protocol},CONTROLLER:PLAINTEXT`,
    'log.dirs': join(directory, 'data'),
    'auto.create.topics.enable': false,
    ...replication(cluster.length),
    // After a SIGKILL a broker comes back only when its old registration has run out; by default that takes a quarter of a minute.
    'broker.session.timeout.ms': cluster.length > 1 ? 3_000 : 1_500,
    'broker.heartbeat.interval.ms': cluster.length > 1 ? 500 : 300,
    'group.initial.rebalance.delay.ms': 0,
    'log.cleaner.dedupe.buffer.size': 1_048_577,
    'num.network.threads': 1,
    'num.io.threads': 2,
    ...(security === null ? {} : securityProperties(security, storeFiles(directory))),
  }
  return Object.entries(settings)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')
}

/** The PEM stores that a broker with security reads. */
export function storeFiles(directory: string): { readonly key: string; readonly trust: string } {
  return { key: join(directory, 'broker.pem'), trust: join(directory, 'trust.pem') }
}

function replication(brokers: number): Readonly<Record<string, number>> {
  const minInSync = Math.max(1, brokers - 1)
  return {
    'num.partitions': 3,
    'default.replication.factor': brokers,
    'min.insync.replicas': minInSync,
    'offsets.topic.num.partitions': 1,
    'offsets.topic.replication.factor': brokers,
    'transaction.state.log.num.partitions': 1,
    'transaction.state.log.replication.factor': brokers,
    'transaction.state.log.min.isr': minInSync,
    'share.coordinator.state.topic.replication.factor': brokers,
    'share.coordinator.state.topic.min.isr': minInSync,
  }
}
