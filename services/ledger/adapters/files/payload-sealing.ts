import type { KeyObject } from 'node:crypto'

import { encryptPayloadRecord } from './payload-record.ts'
import { ThreadCalls } from './thread-calls.ts'

/** Records that stand in the clear in `bytes`. */
export interface PlainRecords {
  readonly bytes: Buffer
  /** Three numbers for each: where it begins, where it ends, and which of the keys is its own. */
  readonly places: readonly number[]
  readonly keys: readonly KeyObject[]
}

/** Encrypts records where they stand; the bytes come back, those that were given are not to be used any more. */
export type PayloadSealing = (records: PlainRecords) => Buffer | Promise<Buffer>

export function sealHere({ bytes, places, keys }: PlainRecords): Buffer {
  for (let at = 0; at < places.length; at += 3) {
    const key = keys[places[at + 2] ?? -1]
    if (key === undefined) throw new TypeError('a record has no key')
    encryptPayloadRecord(bytes.subarray(places[at], places[at + 1]), key)
  }
  return bytes
}

/** Fewer are encrypted sooner than they are on their way. */
const worthwhileBytes = 32 * 1024

export interface SealRequest {
  readonly bytes: ArrayBuffer
  readonly places: readonly number[]
  readonly keys: readonly KeyObject[]
}

/** Encrypts payloads in a thread of its own, since the one that seals events has enough to do, and only the write waits for it. */
export class SealThread implements AsyncDisposable {
  readonly #thread = new ThreadCalls<SealRequest, ArrayBuffer>(
    new URL('./payload-seal-thread.ts', import.meta.url),
    null,
  )

  /** Bytes that have a memory of their own are moved to the thread and back. */
  readonly seal: PayloadSealing = async (records) => {
    const { bytes, places, keys } = records
    const { buffer } = bytes
    const isOwn = buffer instanceof ArrayBuffer && buffer.byteLength === bytes.length
    const end = places.at(-2) ?? 0
    if (!isOwn || end < worthwhileBytes) return sealHere(records)
    return Buffer.from(await this.#thread.call({ bytes: buffer, places, keys }, [buffer]))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#thread[Symbol.asyncDispose]()
  }
}
