import type { BatchHandler, ConsumerOptions } from '../../bus.ts'
import { GrowingPause } from '../../../runtime/pause.ts'
import { finalFault, reasonOf } from './fault.ts'
import type { ReadContext } from './read-context.ts'
import { ReadSession } from './read-session.ts'

const longestPauseMs = 5_000

/** Reads as a member of a group. The client gives up on some faults that pass: then it joins again as a new member. */
export async function readAsMember(
  context: ReadContext,
  options: ConsumerOptions,
  handle: BatchHandler,
  stop: AbortSignal,
): Promise<void> {
  const { address, topics, logger } = context
  const { group } = options
  const what = `${options.topics.map((topic) => `topic ${topic}`).join(', ')} as group ${group}`
  for (const topic of options.topics) await topics.of(topic)
  const beforeJoining = new GrowingPause(100, longestPauseMs)
  while (!stop.aborted) {
    const startedAt = performance.now()
    try {
      await new ReadSession(context, options, handle, stop).run()
    } catch (error) {
      const fault = finalFault(error, address, { action: 'read', what })
      if (fault !== null) throw fault
      logger.warn({ group, reason: reasonOf(error) }, 'a reader lost Kafka; it joins again')
    }
    if (performance.now() - startedAt > longestPauseMs) beforeJoining.reset()
    await beforeJoining.wait(stop)
  }
}
