import { missing } from '../support/engine.ts'
import type { Skippable } from '../support/engine.ts'
import { aJava, findJava } from './java.ts'
import { startKafkaCluster } from './kafka-cluster.ts'
import { KafkaAtAddress, startKafkaContainer } from './kafka-container.ts'
import type { KafkaEngine } from './kafka-engine.ts'
import { isMavenHere } from './maven.ts'

export type { KafkaEngine }

export interface KafkaOptions {
  readonly version?: '4.3.1' | '3.9.1'
  /** Three replicate threefold with two in sync, one does not. */
  readonly brokers?: 1 | 3
  /** `sasl`: SASL_SSL with SCRAM-SHA-512 and ACLs, none of them granted. */
  readonly security?: 'none' | 'sasl'
  /** It will be killed or frozen: not the one at an address, none in Docker. */
  readonly ownProcess?: boolean
  /** Instead of the settings for a quick start with little memory. */
  readonly jvmOptions?: readonly string[]
}

const quick = ['-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1']

/**
 * The Kafka at KAFKA_BROKERS, else one in Docker, else brokers from the jars on Maven Central; else null, and the test is skipped by
 * name. The first two are plain and single.
 */
export async function startKafka(
  t: Skippable,
  options: KafkaOptions = {},
): Promise<KafkaEngine | null> {
  const { brokers = 1, jvmOptions = quick, security = 'none', version = '4.3.1' } = options
  if (brokers === 1 && security === 'none' && options.ownProcess !== true) {
    const given = process.env['KAFKA_BROKERS']
    // Whatever its version: who gives an address means that one.
    if (given !== undefined) return new KafkaAtAddress(given.split(','), null)
    const container = await startKafkaContainer(version)
    if (container !== null) return container
  }
  const java = findJava(17)
  if (java === null) return missing(t, `Kafka ${version} needs ${aJava(17)}, which`)
  if (!isMavenHere()) return missing(t, `Kafka ${version} needs Maven (mvn), which`)
  return startKafkaCluster({ java, version, brokers, security, jvmOptions })
}
