import type { PartHealth } from '../runtime/health.ts'
import type { Logger } from '../runtime/logger.ts'
import type { Missed } from './read-on.ts'

/** Says what a reader could read no more: in the process log at once, and in its health for as long as the process runs. */
export class MissedRecords {
  readonly #logger: Logger
  readonly #consequence: string
  #deleted = 0n
  #topic = ''
  #isCutOff = false

  /** `consequence`: what follows from it, as the end of a sentence. */
  constructor(logger: Logger, consequence: string) {
    this.#logger = logger
    this.#consequence = consequence
  }

  note(missed: Missed): void {
    const { topic, partition, stoppedAt, from, reason } = missed
    this.#topic = topic
    if (reason === 'deleted') this.#deleted += from - stoppedAt
    else this.#isCutOff = true
    this.#logger.error(
      { topic, partition, stoppedAt: String(stoppedAt), from: String(from), reason },
      'records were gone before they were read; reading goes on with the oldest there is',
    )
  }

  health(): PartHealth {
    const found = [
      ...(this.#deleted === 0n
        ? []
        : [`${this.#deleted} records of ${this.#topic} were deleted before they were read`]),
      ...(this.#isCutOff
        ? [`${this.#topic} ends before what was read: it lost its end or was made again`]
        : []),
    ]
    if (found.length === 0) return { state: 'ok' }
    return { state: 'degraded', reason: `${found.join('; ')}; ${this.#consequence}` }
  }
}
