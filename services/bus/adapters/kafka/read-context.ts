import type { Logger } from 'pino'
import type { KafkaAddress } from './client.ts'
import type { TopicAdmin } from './topic-admin.ts'
import type { TopicTable } from './topic-table.ts'

/** What the readers of one bus share. */
export interface ReadContext {
  readonly address: KafkaAddress
  readonly admin: TopicAdmin
  readonly topics: TopicTable
  readonly logger: Logger
}
