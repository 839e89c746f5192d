import { checkedFilter, decodeCursor, limitOf } from '../../page.ts'
import { QueryError } from '../../query.ts'
import type {
  ActivityBucket,
  IndexProgress,
  Page,
  Query,
  SearchFilter,
  SearchResult,
  SessionList,
  SessionSummary,
  StatementList,
} from '../../query.ts'
import { foldName, hourOf } from '../../terms.ts'
import { questionOf, sessionQuestionOf } from './question.ts'
import type { ReaderCalls } from './reader-thread.ts'
import { Thread } from './thread.ts'

const engine = 'sqlite'
/** Beyond this many unanswered questions the next is refused: a waiting line only makes all answers late. */
const maxWaiting = 64

/** The questions, checked here and answered in a thread of their own. */
export class EmbeddedQuery implements Query, AsyncDisposable {
  readonly #reader = new Thread<ReaderCalls>(
    new URL('./reader-thread.ts', import.meta.url),
    (message, fault) =>
      new QueryError('QUERY_UNAVAILABLE', `the index could not be read: ${message}`, {
        fault: { engine, ...(fault ?? { status: null, type: 'the thread has ended' }) },
      }),
  )

  /** Goes on with this file. */
  open(file: string): Promise<void> {
    return this.#reader.call('open', file)
  }

  async search(filter: SearchFilter, page?: Page): Promise<SearchResult> {
    const limit = limitOf(page)
    const after = afterKey('event', page)
    return this.#free().call('search', questionOf(filter), limit, after)
  }

  async sessions(filter: SearchFilter, page?: Page): Promise<SessionList> {
    const limit = limitOf(page)
    const after = afterKey('session', page)
    return this.#free().call('sessions', sessionQuestionOf(filter), limit, after)
  }

  async session(sessionId: string): Promise<SessionSummary | null> {
    return this.#free().call('session', sessionId)
  }

  async statements(sessionId: string, page?: Page): Promise<StatementList> {
    const limit = limitOf(page)
    const after = page?.after === undefined ? null : decodeCursor('statement', page.after, 2)
    return this.#free().call('statements', sessionId, limit, after)
  }

  async activity(
    given: Pick<SearchFilter, 'from' | 'to' | 'target' | 'actor'>,
  ): Promise<readonly ActivityBucket[]> {
    const filter = checkedFilter(given)
    return this.#free().call('activity', {
      fromMs: filter.from === undefined ? null : hourOf(filter.from * 1000),
      toMs: filter.to ?? null,
      target: filter.target === undefined ? null : foldName(filter.target),
      actor: filter.actor === undefined ? null : foldName(filter.actor),
    })
  }

  async progress(): Promise<readonly IndexProgress[]> {
    return this.#free().call('progress')
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#reader[Symbol.asyncDispose]()
  }

  #free(): Thread<ReaderCalls> {
    if (this.#reader.waiting < maxWaiting) return this.#reader
    throw new QueryError(
      'QUERY_BUSY',
      `${maxWaiting} questions are waiting for an answer; try again`,
      { fault: { engine, status: null, type: 'too many questions wait' } },
    )
  }
}

function afterKey(kind: string, page: Page | undefined): bigint | null {
  return page?.after === undefined ? null : (decodeCursor(kind, page.after, 1)[0] ?? null)
}
