import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { freePorts } from '../support/free-ports.ts'
import { cachedDirectory } from './engine-cache.ts'
import type { EngineProcess } from './engine-process.ts'
import type { Java } from './java.ts'
import { launchBroker, prepareBroker } from './kafka-broker.ts'
import type { BrokerOptions } from './kafka-broker.ts'
import { kafkaClient, servesGroups } from './kafka-client.ts'
import { brokerProperties } from './kafka-properties.ts'
import { createKafkaSecurity } from './kafka-security.ts'
import type { KafkaSecurity } from './kafka-security.ts'
import type { KafkaEngine } from './kafka-engine.ts'
import { copyClosure } from './maven.ts'
import { untilReady } from './until-ready.ts'

export interface ClusterOptions {
  readonly java: Java
  readonly version: string
  readonly brokers: number
  readonly security: 'none' | 'sasl'
  readonly jvmOptions: readonly string[]
}

const startMs = 180_000

/** Brokers as processes of our own, from the jars on Maven Central. Disposing kills them and removes their data. */
export class KafkaCluster implements KafkaEngine {
  readonly brokers: readonly string[]
  readonly security: KafkaSecurity | null
  readonly #directory: string
  readonly #members: readonly BrokerOptions[]
  readonly #processes: EngineProcess[]

  constructor(directory: string, members: readonly BrokerOptions[], brokers: readonly string[]) {
    this.#directory = directory
    this.#members = members
    this.brokers = brokers
    this.security = members[0]?.security ?? null
    this.#processes = members.map(launchBroker)
  }

  async untilServing(): Promise<void> {
    await this.#untilServing(this.#process(0))
  }

  async kill(broker = 0): Promise<void> {
    await this.#process(broker).kill()
  }

  async start(broker = 0): Promise<void> {
    const options = this.#members[broker]
    if (options === undefined || this.#process(broker).isRunning) {
      throw new Error(`broker ${broker} runs already, or there is none`)
    }
    const started = launchBroker(options)
    this.#processes[broker] = started
    await this.#untilServing(started)
  }

  freeze(broker = 0): void {
    this.#process(broker).freeze()
  }

  thaw(broker = 0): void {
    this.#process(broker).thaw()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#processes.map((each) => each.kill()))
    await rm(this.#directory, { recursive: true, force: true })
  }

  /** Serving is when all that run are in the cluster, and enough run for the offsets of groups. */
  async #untilServing(watched: EngineProcess): Promise<void> {
    const client = kafkaClient(this)
    const running = (): number => this.#processes.filter(({ isRunning }) => isRunning).length
    await untilReady('Kafka', watched, () => servesGroups(client, running()), startMs)
  }

  #process(broker: number): EngineProcess {
    const process = this.#processes[broker]
    if (process === undefined) throw new Error(`the cluster has no broker ${broker}`)
    return process
  }
}

export async function startKafkaCluster(options: ClusterOptions): Promise<KafkaCluster> {
  const { brokers: count, java, jvmOptions, version } = options
  const classPath = await kafkaClassPath(version)
  const base = await freePorts(count * 2)
  const ports = Array.from({ length: count }, (_, at) => ({
    client: base + 2 * at,
    controller: base + 2 * at + 1,
  }))
  await using undo = new AsyncDisposableStack()
  const directory = await mkdtemp(join(tmpdir(), 'affidavit-kafka-'))
  undo.defer(() => rm(directory, { recursive: true, force: true }))
  const security = options.security === 'none' ? null : createKafkaSecurity()
  const members = ports.map((_, at): BrokerOptions => {
    const own = join(directory, `broker-${at}`)
    const properties = brokerProperties(at + 1, ports, security, own)
    return { java, classPath, jvmOptions, security, directory: own, properties }
  })
  await Promise.all(members.map(prepareBroker))
  const addresses = ports.map(({ client }) => `127.0.0.1:${client}`)
  const cluster = undo.use(new KafkaCluster(directory, members, addresses))
  await cluster.untilServing()
  undo.move()
  return cluster
}

/** The directory with Kafka's jars. */
async function kafkaClassPath(version: string): Promise<string> {
  return cachedDirectory(`kafka-${version}`, async (directory) => {
    const artifacts = [
      { group: 'org.apache.kafka', name: 'kafka_2.13', version },
      // Without it Kafka says nothing, not even why it ends.
      { group: 'org.slf4j', name: 'slf4j-simple', version: '1.7.36' },
    ]
    await copyClosure(artifacts, directory, `${directory}.project`)
  })
}
