import type { DatabaseSync } from 'node:sqlite'
import { parentPort } from 'node:worker_threads'

import type {
  ActivityBucket,
  IndexProgress,
  SearchResult,
  SessionList,
  SessionSummary,
  StatementList,
} from '../../query.ts'
import { IndexReader } from './index-reader.ts'
import type { ActivityQuestion } from './index-reader.ts'
import type { Question } from './question.ts'
import { openForReading } from './schema.ts'
import { answerCalls } from './thread.ts'

export interface ReaderCalls {
  /** Goes on with another file: what was asked before is answered from the old one. */
  open(file: string): void
  search(question: Question, limit: number, after: bigint | null): SearchResult
  sessions(question: Question, limit: number, after: bigint | null): SessionList
  session(sessionId: string): SessionSummary | null
  statements(sessionId: string, limit: number, after: readonly bigint[] | null): StatementList
  activity(question: ActivityQuestion): readonly ActivityBucket[]
  progress(): readonly IndexProgress[]
  close(): void
  readonly [name: string]: (...args: never[]) => unknown
}

let db: DatabaseSync | null = null

function reader(): IndexReader {
  if (db === null) throw new Error('the index file is not open')
  return new IndexReader(db)
}

const calls: ReaderCalls = {
  open: (file) => {
    const next = openForReading(file)
    db?.close()
    db = next
  },
  search: (question, limit, after) => reader().search(question, limit, after),
  sessions: (question, limit, after) => reader().sessions(question, limit, after),
  session: (sessionId) => reader().session(sessionId),
  statements: (sessionId, limit, after) => reader().statements(sessionId, limit, after),
  activity: (question) => reader().activity(question),
  progress: () => reader().progress(),
  close: () => {
    db?.close()
    db = null
  },
}

if (parentPort !== null) answerCalls(parentPort, calls)
