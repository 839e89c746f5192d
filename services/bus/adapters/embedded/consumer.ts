import type { BatchHandler, ConsumerOptions } from '../../bus.ts'
import { aborted } from '../../../runtime/pause.ts'
import type { Claim, Group, GroupMember } from './group.ts'
import { readPartition, type ReadContext } from './partition-loop.ts'

/** Reads as one member of a group, a loop for each partition it has, until it is told to stop or a loop fails. */
export async function readAsMember(
  context: ReadContext,
  group: Group,
  options: ConsumerOptions,
  handle: BatchHandler,
  told: AbortSignal,
): Promise<void> {
  const failed = new AbortController()
  const stop = AbortSignal.any([told, failed.signal])
  const loops = new Set<Promise<void>>()
  for (const topic of options.topics) context.partitions.ofTopic(topic)
  const read = async (claim: Claim): Promise<void> => {
    try {
      await readPartition(context, group, claim, options, handle, stop)
    } catch (error) {
      failed.abort(error)
    } finally {
      claim.end()
    }
  }
  const member: GroupMember = {
    topics: options.topics,
    take(claim) {
      const loop = read(claim).finally(() => loops.delete(loop))
      loops.add(loop)
    },
  }
  if (!stop.aborted) {
    group.join(member)
    await aborted(stop)
  }
  // Handlers at work come to their end as readers in good standing; only then may others take over.
  await Promise.all(loops)
  group.leave(member)
  if (failed.signal.aborted) throw failed.signal.reason
}
