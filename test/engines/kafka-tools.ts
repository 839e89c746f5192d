import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'

import { missing } from '../support/engine.ts'
import type { Skippable } from '../support/engine.ts'
import { cachedDirectory } from './engine-cache.ts'
import { aJava, findJava } from './java.ts'
import { copyClosure, isMavenHere } from './maven.ts'

const version = '4.3.1'

/** Kafka's own command line programs, by class name, such as `org.apache.kafka.tools.AclCommand`. */
export interface KafkaTools {
  /** The java program and its arguments up to the class. */
  readonly command: readonly [string, ...string[]]
  /** Runs one to its end; gives what it wrote on standard output, or throws with what it wrote on both. */
  run(className: string, ...args: readonly string[]): Promise<string>
}

/** Null: skipped by name. */
export async function findKafkaTools(t: Skippable): Promise<KafkaTools | null> {
  const java = findJava(17)
  if (java === null) return missing(t, `Kafka's tools need ${aJava(17)}, which`)
  if (!isMavenHere()) return missing(t, `Kafka's tools need Maven (mvn), which`)
  const classPath = await cachedDirectory(`kafka-tools-${version}`, async (directory) => {
    const artifacts = [
      { group: 'org.apache.kafka', name: 'kafka-tools', version },
      { group: 'org.slf4j', name: 'slf4j-simple', version: '1.7.36' },
    ]
    await copyClosure(artifacts, directory, `${directory}.project`)
  })
  const program = join(java.home, 'bin', 'java')
  const options = ['-XX:TieredStopAtLevel=1', '-Dorg.slf4j.simpleLogger.defaultLogLevel=error']
  const command = [program, ...options, '-cp', join(classPath, '*')] as const
  return {
    command: [...command],
    async run(className, ...args) {
      const [file, ...before] = command
      const { stdout } = await promisify(execFile)(file, [...before, className, ...args])
      return stdout
    },
  }
}

/** Sends records with Java's producer, which knows every codec. */
export async function produceInJava(
  tools: KafkaTools,
  brokers: readonly string[],
  topic: string,
  codec: 'gzip' | 'snappy' | 'lz4' | 'zstd' | 'none',
  count: number,
): Promise<void> {
  const options = {
    '--topic': topic,
    '--num-records': String(count),
    '--record-size': '100',
    '--throughput': '-1',
    '--bootstrap-server': brokers.join(','),
  }
  const settings = ['--command-property', `compression.type=${codec}`, 'acks=all']
  const args = [...Object.entries(options).flat(), ...settings]
  await tools.run('org.apache.kafka.tools.ProducerPerformance', ...args)
}
