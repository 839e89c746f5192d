import type { Clock } from '../runtime/clock.ts'
import type { PartHealth } from '../runtime/health.ts'
import type { Logger } from '../runtime/logger.ts'
import { OnceAMinute } from '../runtime/once-a-minute.ts'
import { QueryError } from './query.ts'
import type { Query, QueryFault } from './query.ts'

export interface WatchedQueryOptions {
  readonly query: Query
  readonly clock: Clock
  readonly logger: Logger
}

/**
 * Asks another `Query`, and tells whoever runs it when the index does not answer: in the process log, once a minute for each kind of
 * failure, and in the health of the process. What was asked is not told.
 */
export class WatchedQuery implements Query {
  readonly #options: WatchedQueryOptions
  readonly #words: OnceAMinute
  /** Of the last question; null when it was answered, or could not be asked. */
  #failing: { readonly fault: QueryFault | null; readonly sinceMs: number } | null = null
  #isSaid = false

  constructor(options: WatchedQueryOptions) {
    this.#options = options
    this.#words = new OnceAMinute(options.clock)
  }

  readonly search: Query['search'] = (...asked) => this.#watch((query) => query.search(...asked))
  readonly sessions: Query['sessions'] = (...asked) =>
    this.#watch((query) => query.sessions(...asked))
  readonly session: Query['session'] = (...asked) => this.#watch((query) => query.session(...asked))
  readonly statements: Query['statements'] = (...asked) =>
    this.#watch((query) => query.statements(...asked))
  readonly activity: Query['activity'] = (...asked) =>
    this.#watch((query) => query.activity(...asked))
  readonly progress: Query['progress'] = () => this.#watch((query) => query.progress())

  health(): PartHealth {
    if (this.#failing === null) return { state: 'ok' }
    const { fault, sinceMs } = this.#failing
    const since = new Date(sinceMs).toISOString()
    return {
      state: 'degraded',
      reason: `the index answers no questions since ${since}${fault === null ? '' : `: ${wordsOf(fault)}`}`,
    }
  }

  async #watch<T>(ask: (query: Query) => Promise<T>): Promise<T> {
    try {
      const answer = await ask(this.#options.query)
      this.#answered()
      return answer
    } catch (error) {
      if (error instanceof QueryError) this.#failed(error)
      throw error
    }
  }

  #answered(): void {
    this.#failing = null
    if (!this.#isSaid) return
    this.#isSaid = false
    this.#options.logger.info('the index answers questions again')
  }

  #failed({ code, fault }: QueryError): void {
    // The others are mistakes of who asks.
    if (code !== 'QUERY_UNAVAILABLE' && code !== 'QUERY_BUSY') return
    const { clock, logger } = this.#options
    if (code === 'QUERY_UNAVAILABLE') {
      this.#failing = { fault, sinceMs: this.#failing?.sinceMs ?? clock.nowMs() }
    }
    if (!this.#words.isDue(JSON.stringify([code, fault]))) return
    this.#isSaid = true
    logger.warn({ code, ...fault }, 'the index did not answer a question')
  }
}

function wordsOf({ engine, status, type }: QueryFault): string {
  const what = [engine, status, type].filter((part) => part !== null).join(' ')
  const todo =
    engine === 'opensearch'
      ? 'look at the cluster'
      : 'start anew, and if that does not help make the index anew with `affidavit rebuild`'
  return `${what}; ${todo}`
}
