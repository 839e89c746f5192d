import type { SealedBatch } from './batch-writer.ts'
import type { NewPayload } from '../storage/payload-store.ts'
import { hashBytes } from '../proof/hash.ts'
import type { SealedEntry } from '../sealing/sealed-record.ts'

export interface SealedEntries {
  readonly entries: readonly SealedEntry[]
  /** The position after the last one; entries without a payload lie between. */
  readonly end: number
}

const defaultBytes = 16 * 1024 * 1024

/**
 * The entries that were written last, so that publishing them does not read and decrypt what was encrypted and written a moment ago.
 * What has been read goes, and the oldest of what is over the bound: the store has it.
 */
export class RecentEntries {
  readonly #maxBytes: number
  readonly #batches: RecentBatch[] = []
  #bytes = 0

  constructor(maxBytes = defaultBytes) {
    this.#maxBytes = maxBytes
  }

  /** Takes a batch that is durable. Copies what its writer uses again. */
  add(sealed: SealedBatch, payloads: readonly NewPayload[]): void {
    let bytes = sealed.leafHashes.length
    for (const { key, value } of payloads) bytes += key.length + value.length
    this.#batches.push({
      firstSeq: sealed.commit.firstSeq,
      end: sealed.commit.size,
      leafHashes: Buffer.from(sealed.leafHashes),
      payloads,
      bytes,
    })
    this.#bytes += bytes
    while (this.#bytes > this.#maxBytes) {
      const oldest = this.#batches.shift()
      if (oldest === undefined) break
      this.#bytes -= oldest.bytes
    }
  }

  /**
   * Entries from `from` on, at most up to `to`, as many as one batch has; null when `from` is not here any more. Whoever asks for
   * them is through with what is before: batches that end there are forgotten.
   */
  read(from: number, to: number): SealedEntries | null {
    this.#forgetUpTo(from)
    const batch = this.#batches.find((each) => each.firstSeq <= from && from < each.end)
    if (batch === undefined) return null
    const end = Math.min(to, batch.end)
    const entries: SealedEntry[] = []
    for (const { position, key, value, quarantine = null } of batch.payloads) {
      if (position < from || position >= end) continue
      const hashAt = (position - batch.firstSeq) * hashBytes
      const leafHash = batch.leafHashes.subarray(hashAt, hashAt + hashBytes)
      entries.push({ position, leafHash, key, value, quarantine })
    }
    return { entries, end }
  }

  #forgetUpTo(position: number): void {
    for (let first = this.#batches[0]; first !== undefined && first.end <= position;) {
      this.#batches.shift()
      this.#bytes -= first.bytes
      first = this.#batches[0]
    }
  }

  /** Something was erased: only the store knows what. */
  clear(): void {
    this.#batches.length = 0
    this.#bytes = 0
  }
}

interface RecentBatch {
  readonly firstSeq: number
  readonly end: number
  readonly leafHashes: Buffer
  readonly payloads: readonly NewPayload[]
  readonly bytes: number
}
