import type { Entry, LedgerReader, LogHead } from '../../services/ledger/reader.ts'
import type { SealedRecord } from '../../services/indexer/documents.ts'
import type { ALog } from './a-log.ts'

/** Reads the logs of a test as a ledger would: position 0 is a genesis, the signed head can be behind. No proofs. */
export class ALedgerOfRecords implements LedgerReader {
  readonly #logs: readonly ALog[]
  /** Entries that the signed head does not cover yet. */
  unsigned = 0

  constructor(logs: readonly ALog[]) {
    this.#logs = logs
  }

  logs(): Promise<readonly LogHead[]> {
    return Promise.resolve(this.#logs.map((log) => this.#headOf(log)))
  }

  head(origin: string): Promise<LogHead> {
    return Promise.resolve(this.#headOf(this.#log(origin)))
  }

  async *entries(origin: string, from: number, to: number): AsyncGenerator<Entry> {
    const { records } = this.#log(origin)
    for (let position = from; position < to; position++) {
      const record = position === 0 ? null : records[position - 1]
      if (record === undefined) throw new RangeError(`${origin} has no entry ${position}`)
      yield await Promise.resolve(entryOf(origin, position, record))
    }
  }

  entry(): Promise<never> {
    return Promise.reject(new Error('only ranges are read'))
  }

  inclusionProof(): Promise<never> {
    return Promise.reject(new Error('no proofs here'))
  }

  consistencyProof(): Promise<never> {
    return Promise.reject(new Error('no proofs here'))
  }

  tile(): Promise<never> {
    return Promise.reject(new Error('no tiles here'))
  }

  checkpointAt(): Promise<null> {
    return Promise.resolve(null)
  }

  #log(origin: string): ALog {
    const log = this.#logs.find((each) => each.origin === origin)
    if (log === undefined) throw new RangeError(`there is no log ${origin}`)
    return log
  }

  #headOf(log: ALog): LogHead {
    const size = log.records.length + 1 - this.unsigned
    const { origin } = log
    return { origin, size, root: Buffer.alloc(32), checkpoint: '', vkey: '', signedAtMs: 0 }
  }
}

function entryOf(log: string, position: number, record: SealedRecord | null): Entry {
  const time = '2026-11-25T08:00:00.000000Z'
  return {
    log,
    position,
    leafBytes: Buffer.alloc(0),
    leafHash: record?.leafHash ?? Buffer.alloc(32),
    leaf: {
      v: 1,
      type: 'genesis',
      log,
      seq: position,
      prev: '',
      rt: time,
      vkey: '',
      topic: '',
      part: 0,
    },
    payload: record?.value ?? null,
    salt: null,
  }
}
