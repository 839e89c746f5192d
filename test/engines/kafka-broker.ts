import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { EngineProcess } from './engine-process.ts'
import type { Java } from './java.ts'
import { scramArguments } from './kafka-security.ts'
import type { KafkaSecurity } from './kafka-security.ts'
import { storeFiles } from './kafka-properties.ts'

export interface BrokerOptions {
  readonly java: Java
  readonly classPath: string
  /** Of this broker alone; made here. */
  readonly directory: string
  readonly properties: string
  readonly security: KafkaSecurity | null
  readonly jvmOptions: readonly string[]
}

/** 16 bytes; must not begin with a dash. */
const clusterId = Buffer.from('AffidavitEngines').toString('base64url')

/** Writes the files of a broker and formats its storage. */
export async function prepareBroker(options: BrokerOptions): Promise<void> {
  const { directory, security } = options
  await mkdir(directory, { recursive: true })
  await writeFile(propertiesFile(options), options.properties, { mode: 0o600 })
  if (security !== null) {
    const { key, trust } = storeFiles(directory)
    await writeFile(key, security.brokerStore, { mode: 0o600 })
    await writeFile(trust, security.ca)
  }
  const users = security === null ? [] : scramArguments(security)
  await using formatting = launch(options, [
    'kafka.tools.StorageTool',
    'format',
    '-t',
    clusterId,
    '-c',
    propertiesFile(options),
    ...users,
  ])
  const status = await formatting.ended()
  if (status !== 0)
    throw new Error(`Kafka's storage was not formatted (${status}):\n${await formatting.said()}`)
}

export function launchBroker(options: BrokerOptions): EngineProcess {
  return launch(options, ['kafka.Kafka', propertiesFile(options)])
}

function launch(options: BrokerOptions, command: readonly string[]): EngineProcess {
  const { classPath, directory, java, jvmOptions } = options
  return new EngineProcess({
    program: join(java.home, 'bin', 'java'),
    args: [
      ...jvmOptions,
      '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn',
      '-cp',
      join(classPath, '*'),
      ...command,
    ],
    directory,
  })
}

function propertiesFile({ directory }: BrokerOptions): string {
  return join(directory, 'server.properties')
}
