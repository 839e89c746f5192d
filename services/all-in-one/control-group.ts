import { randomBytes } from 'node:crypto'

import type { BusConfig } from '../runtime/config.ts'

/**
 * The group by which a part follows `control.updates`. On Kafka each start has one of its own: a member that was killed holds
 * its partition until its session times out, and for so long an edge would know no policy and serve nobody. Nothing is lost by it,
 * since every start reads from the oldest record on; Kafka forgets groups that nobody uses.
 */
export function controlGroup({ kafka }: BusConfig, part: string): string {
  const group = `${part}.control`
  return kafka === null ? group : `${group}.${randomBytes(8).toString('hex')}`
}
