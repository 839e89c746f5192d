import type { Logger } from '../../runtime/logger.ts'
import type { DurableHead } from './durable-head.ts'
import { isOutOfRoom } from './spool-error.ts'
import type { SpoolFiles } from './spool-files.ts'
import type { SpoolQueue } from './spool-queue.ts'
import { stateText } from './spool-recovery.ts'

export interface SegmentCollectorOptions {
  readonly files: SpoolFiles
  readonly queue: SpoolQueue
  readonly durable: DurableHead
  readonly logger: Logger
  /** The segment that is being written. */
  readonly current: () => string | null
  readonly onFault: (error: unknown) => void
}

/** Removes segments that the bus has, after it kept the state that they would have told. */
export class SegmentCollector {
  readonly #options: SegmentCollectorOptions
  #collecting: Promise<void> = Promise.resolve()
  #isStopped = false

  constructor(options: SegmentCollectorOptions) {
    this.#options = options
  }

  /** One collection at a time. Never rejects. */
  collect(): Promise<void> {
    this.#collecting = this.#collecting.then(async () => {
      if (this.#isStopped) return
      const { files, queue, logger, current, onFault } = this.#options
      try {
        await this.saveState()
        for (const name of queue.finished(current())) {
          await files.remove(name)
          queue.forget(name)
        }
      } catch (error) {
        if (isOutOfRoom(error)) logger.warn({ err: error }, 'segments are kept: no room')
        else onFault(error)
      }
    })
    return this.#collecting
  }

  /** Resolves when nothing is collected. */
  settled(): Promise<void> {
    return this.#collecting
  }

  /** Begins no further collection: the disk has failed. */
  stop(): void {
    this.#isStopped = true
  }

  saveState(): Promise<void> {
    const { files, queue, durable } = this.#options
    const { seq: nextSeq, prev, open } = durable
    return files.writeState(stateText({ nextSeq, prev, open, published: queue.publishedAt }))
  }
}
