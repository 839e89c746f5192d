import type { SealedBatch } from './batch-writer.ts'
import { frameHeaderBytes } from './frame.ts'
import type { NewPayload } from './payload-store.ts'
import { hashBytes } from './proof/hash.ts'

/** An entry with the record it seals. */
export interface SealedEntry {
  readonly position: number
  readonly leaf: Buffer
  readonly leafHash: Buffer
  readonly key: Buffer
  readonly value: Buffer
}

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
    let bytes = sealed.length + sealed.leafHashes.length
    for (const { key, value } of payloads) bytes += key.length + value.length
    this.#batches.push({
      firstSeq: sealed.commit.firstSeq,
      end: sealed.commit.size,
      frames: Buffer.from(sealed.bytes.subarray(0, sealed.length)),
      starts: sealed.starts.slice(0, sealed.records),
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
    for (const { position, key, value } of batch.payloads) {
      if (position < from || position >= end) continue
      entries.push({ position, key, value, ...leafOf(batch, position - batch.firstSeq) })
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
  readonly frames: Buffer
  readonly starts: Uint32Array
  readonly leafHashes: Buffer
  readonly payloads: readonly NewPayload[]
  readonly bytes: number
}

function leafOf(batch: RecentBatch, index: number): Pick<SealedEntry, 'leaf' | 'leafHash'> {
  const { frames, starts, leafHashes } = batch
  // A frame begins with the length of its body.
  const leafAt = (starts[index] ?? 0) + 1
  const length = frames.readUInt32BE(leafAt - frameHeaderBytes)
  return {
    leaf: frames.subarray(leafAt, leafAt + length),
    leafHash: leafHashes.subarray(index * hashBytes, (index + 1) * hashBytes),
  }
}
