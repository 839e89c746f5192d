import type { DatabaseSync } from 'node:sqlite'
import { parentPort } from 'node:worker_threads'

import type { IndexDocument } from '../../documents.ts'
import type { IndexProgress } from '../../query.ts'
import type { AppliedProgress, Range } from '../../search-index.ts'
import { IndexReader } from './index-reader.ts'
import { IndexWriter } from './index-writer.ts'
import type { BusOffset } from './index-writer.ts'
import { openForWriting } from './schema.ts'
import { answerCalls } from './thread.ts'

export interface WriterCalls {
  open(file: string): void
  apply(documents: readonly IndexDocument[], progress: AppliedProgress): void
  offsets(): readonly BusOffset[]
  putOffsets(offsets: readonly BusOffset[]): void
  progress(): readonly IndexProgress[]
  missing(log: string, from: number, to: number): readonly Range[]
  close(): void
  readonly [name: string]: (...args: never[]) => unknown
}

interface Opened {
  readonly db: DatabaseSync
  readonly writer: IndexWriter
  readonly reader: IndexReader
}

let opened: Opened | null = null

function index(): Opened {
  if (opened === null) throw new Error('the index file is not open')
  return opened
}

const calls: WriterCalls = {
  open: (file) => {
    const db = openForWriting(file)
    opened = { db, writer: new IndexWriter(db), reader: new IndexReader(db) }
  },
  apply: (documents, progress) => index().writer.apply(documents, progress),
  offsets: () => index().writer.offsets(),
  putOffsets: (offsets) => index().writer.putOffsets(offsets),
  progress: () => index().reader.progress(),
  missing: (log, from, to) => index().reader.missing(log, from, to),
  close: () => {
    opened?.db.close()
    opened = null
  },
}

if (parentPort !== null) answerCalls(parentPort, calls)
