import { BusError, type BatchHandler, type BusConsumer, type ConsumerOptions } from '../../bus.ts'
import type { Claim, Group, GroupMember } from './group.ts'
import { readPartition, type ReadContext } from './partition-loop.ts'

/** One member of a group: a loop for each partition it has. */
export class EmbeddedConsumer implements BusConsumer {
  readonly #context: ReadContext
  readonly #group: Group
  readonly #options: ConsumerOptions
  readonly #onClosed: (consumer: BusConsumer) => void
  readonly #closing = new AbortController()
  #run: Promise<void> | null = null

  constructor(
    context: ReadContext,
    group: Group,
    options: ConsumerOptions,
    onClosed: (consumer: BusConsumer) => void,
  ) {
    this.#onClosed = onClosed
    this.#context = context
    this.#group = group
    this.#options = options
  }

  run(handle: BatchHandler, signal: AbortSignal): Promise<void> {
    if (this.#closing.signal.aborted) {
      return Promise.reject(new BusError('BUS_CLOSED', 'the consumer is closed'))
    }
    if (this.#run !== null) return Promise.reject(new TypeError('a consumer runs once'))
    this.#run = this.#read(handle, signal)
    return this.#run
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort()
    // Whoever called run() gets its error.
    await this.#run?.catch(() => undefined)
    this.#onClosed(this)
  }

  async #read(handle: BatchHandler, signal: AbortSignal): Promise<void> {
    const failed = new AbortController()
    const stop = AbortSignal.any([signal, this.#closing.signal, failed.signal])
    const loops = new Set<Promise<void>>()
    for (const topic of this.#options.topics) this.#context.partitions.ofTopic(topic)
    const read = async (claim: Claim): Promise<void> => {
      try {
        await readPartition(this.#context, this.#group, claim, this.#options, handle, stop)
      } catch (error) {
        failed.abort(error)
      } finally {
        claim.end()
      }
    }
    const member: GroupMember = {
      topics: this.#options.topics,
      take(claim) {
        const loop = read(claim).finally(() => loops.delete(loop))
        loops.add(loop)
      },
    }
    if (!stop.aborted) {
      this.#group.join(member)
      await aborted(stop)
    }
    // Handlers at work come to their end as readers in good standing; only then may others take over.
    await Promise.all(loops)
    this.#group.leave(member)
    if (failed.signal.aborted) throw failed.signal.reason
  }
}

async function aborted(signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
