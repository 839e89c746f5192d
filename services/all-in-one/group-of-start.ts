import { randomBytes } from 'node:crypto'

import type { BusConfig } from '../runtime/config.ts'

/**
 * The group of a part that reads everything for itself and knows where to begin. On Kafka each start has one of its own: a member that
 * was killed holds its partition until its session times out, and for so long an edge would know no policy and serve nobody. Nothing
 * is lost by it, since offsets of the group are not used; Kafka forgets groups that nobody uses.
 */
export function groupOfStart({ kafka }: BusConfig, group: string): string {
  return kafka === null ? group : `${group}.${randomBytes(8).toString('hex')}`
}
