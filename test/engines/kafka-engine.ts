import type { KafkaSecurity } from './kafka-security.ts'

/** A real Kafka for one test file. Disposing ends what was started for it. */
export interface KafkaEngine extends AsyncDisposable {
  /** host:port, for clients. */
  readonly brokers: readonly string[]
  /** Null: plain, everybody may do everything. */
  readonly security: KafkaSecurity | null
  /** SIGKILL to one broker, counted from 0; resolves when it has ended. */
  kill(broker?: number): Promise<void>
  /** After `kill`: same ports, same data. Resolves when it serves, groups included. */
  start(broker?: number): Promise<void>
  /** SIGSTOP: it answers nothing, and connections to it stay open. */
  freeze(broker?: number): void
  thaw(broker?: number): void
}
