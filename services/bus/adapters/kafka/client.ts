import kafkajs, { type Kafka, type KafkaConfig, type LogEntry, type RetryOptions } from 'kafkajs'
import type { Logger } from 'pino'
import { clientLog, clientLogLevel } from './client-log.ts'
import './client-encoder.ts'
import './client-records.ts'
import './compression.ts'
import './request-queue-fix.ts'
import { withoutLateUnref } from './socket-unref-fix.ts'
import { Sockets } from './sockets.ts'

/** Where Kafka is and who we are there. PEM texts; a password is never logged. */
export interface KafkaAddress {
  /** host:port of some brokers; the others are learned from them. */
  readonly brokers: readonly string[]
  /** How the brokers' logs name us. */
  readonly clientId: string
  /** Null: no TLS. Without a CA the system's are trusted. */
  readonly tls: {
    readonly ca: string | null
    readonly certificate: string | null
    readonly key: string | null
  } | null
  readonly sasl: {
    readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512'
    readonly username: string
    readonly password: string
  } | null
}

/** A client with connections of its own. */
export interface KafkaClient {
  readonly kafka: Kafka
  /** Ends its connections and its retries at once. */
  sever(): void
}

/** Outlasts any outage: a member that keeps its id comes back without waiting for its own ghost. Closing severs. */
export const patientRetry: RetryOptions = {
  initialRetryTime: 100,
  maxRetryTime: 1_000,
  factor: 0.2,
  multiplier: 2,
  retries: 1_000,
}

/** For questions that are asked again by ourselves. */
export const briefRetry: RetryOptions = { ...patientRetry, retries: 2 }

/**
 * One for each consumer: the client shares committed offsets among all consumers of one instance. `observe` sees what it logs
 * and may throw to stop what it says it is about to do.
 */
export function createClient(
  address: KafkaAddress,
  logger: Logger,
  retry: RetryOptions,
  observe: (entry: LogEntry) => void = () => undefined,
): KafkaClient {
  const sockets = new Sockets()
  const kafka = new kafkajs.Kafka({
    clientId: address.clientId,
    brokers: [...address.brokers],
    ...security(address),
    connectionTimeout: 5_000,
    socketFactory: (args) => withoutLateUnref(sockets.connect(args)),
    retry,
    logLevel: clientLogLevel(logger),
    logCreator: clientLog(logger, (entry) => {
      // Every attempt to come back says so here, and nowhere else can it be told to end.
      if (sockets.isSevered && entry.namespace === 'BrokerPool') throw new Severed()
      observe(entry)
    }),
  })
  return { kafka, sever: () => sockets.sever() }
}

class Severed extends Error {
  override readonly name = 'Severed'
  readonly retriable = false

  constructor() {
    super('the client is closed')
  }
}

function security({ tls, sasl }: KafkaAddress): Pick<KafkaConfig, 'ssl' | 'sasl'> {
  return {
    ...(tls === null
      ? {}
      : {
          ssl: {
            ...(tls.ca === null ? {} : { ca: tls.ca }),
            ...(tls.certificate === null ? {} : { cert: tls.certificate }),
            ...(tls.key === null ? {} : { key: tls.key }),
          },
        }),
    ...(sasl === null ? {} : { sasl: signIn(sasl) }),
  }
}

function signIn(sasl: NonNullable<KafkaAddress['sasl']>): NonNullable<KafkaConfig['sasl']> {
  const { mechanism, username, password } = sasl
  // Written out: each mechanism is a type of its own.
  switch (mechanism) {
    case 'plain':
      return { mechanism, username, password }
    case 'scram-sha-256':
      return { mechanism, username, password }
    case 'scram-sha-512':
      return { mechanism, username, password }
  }
}
