import { parentPort, workerData } from 'node:worker_threads'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { compactPartition } from './compaction.ts'
import { openBusFile } from './bus-file.ts'
import { LogFile } from './log-file.ts'
import { retentionSteps } from './retention.ts'
import type { FromWriter, ToWriter, WriterData } from './writer-messages.ts'

/*
 * The one writer of a bus file. Each append message is one transaction; the answer goes out before housekeeping begins.
 */
const { file, topics, maxFileBytes } = workerData as WriterData
const port = parentPort
if (port === null) throw new Error('the writer runs in a worker thread only')

/** Of records. */
const checkpointBytes = 32 << 20
/** Whatever it holds, each one writes whole pages to the WAL, and several of them. */
const checkpointTransactions = 512
const compactAfterBatches = 1_000

const db = openBusFile(file, maxFileBytes === null ? {} : { maxFileBytes })
const log = new LogFile(db, topics)
const compacted = new Set(topics.filter((topic) => topic.compacted).map((topic) => topic.name))
let writtenSinceCheckpoint = 0
let transactionsSinceCheckpoint = 0
let batchesSinceCompaction = 0
const closing = new AbortController()
let retaining = false

function answer(message: FromWriter): void {
  port?.postMessage(message)
}

function attempt(task: string, work: () => void): void {
  try {
    work()
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK')
    answer({ type: 'troubled', task, reason: reasonOf(error) })
  }
}

function append(message: Extract<ToWriter, { type: 'append' }>): void {
  try {
    const baseOffsets = log.append(message)
    answer({ type: 'appended', baseOffsets })
  } catch (error) {
    answer({ type: 'refused', reason: reasonOf(error) })
    return
  }
  writtenSinceCheckpoint += message.bytes.byteLength
  transactionsSinceCheckpoint += 1
  if (
    writtenSinceCheckpoint >= checkpointBytes ||
    transactionsSinceCheckpoint >= checkpointTransactions
  ) {
    writtenSinceCheckpoint = 0
    transactionsSinceCheckpoint = 0
    attempt('checkpoint', () => db.exec('PRAGMA wal_checkpoint(PASSIVE)'))
  }
  for (let at = 0; at < message.batches.length; at += 3) {
    const state = log.partitions[message.batches[at] ?? -1]
    if (state !== undefined && compacted.has(state.topic)) batchesSinceCompaction += 1
  }
  if (batchesSinceCompaction >= compactAfterBatches) compact()
}

function compact(): void {
  batchesSinceCompaction = 0
  for (const state of log.partitions) {
    if (compacted.has(state.topic)) attempt('compaction', () => compactPartition(db, state))
  }
}

async function retain(nowMs: number): Promise<void> {
  if (retaining) return
  retaining = true
  for (const [partition, state] of log.partitions.entries()) {
    const config = topics.find((topic) => topic.name === state.topic)
    if (config?.retentionMs === undefined || config.compacted === true) continue
    const steps = retentionSteps(db, state, nowMs - config.retentionMs)
    for (let more = true; more && !closing.signal.aborted; await nextTurn()) {
      more = false
      attempt('retention', () => {
        more = steps.next().done !== true
        if (more) answer({ type: 'trimmed', partition, low: state.low })
      })
    }
  }
  retaining = false
}

function close(): void {
  closing.abort()
  attempt('checkpoint', () => db.exec('PRAGMA wal_checkpoint(TRUNCATE)'))
  db.close()
  port?.close()
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : 'unknown'
}

port.on('message', (message: ToWriter) => {
  switch (message.type) {
    case 'append':
      return append(message)
    case 'retain':
      void retain(message.nowMs)
      return
    case 'close':
      return close()
  }
})
compact()
answer({ type: 'ready' })
