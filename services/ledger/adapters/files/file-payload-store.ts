import { randomBytes } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { open, readdir, unlink } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { join } from 'node:path'

import { LedgerError, writeFailed } from '../../error.ts'
import type { NewPayload, Payload, PayloadStore } from '../../storage/payload-store.ts'
import { DataKeys } from './data-keys.ts'
import { syncDirectory } from './durable-files.ts'
import { PayloadFile } from './payload-file.ts'
import type { WrittenRun } from './payload-file.ts'
import {
  openPayloadRecord,
  recordOverheadBytes,
  runLength,
  sizeOf,
  layOutPayloadRecord,
} from './payload-record.ts'
import { sealHere } from './payload-sealing.ts'
import type { PayloadSealing } from './payload-sealing.ts'
import { RandomPool } from '../../log/random-pool.ts'

export interface FilePayloadStoreOptions {
  readonly directory: string
  readonly origin: string
  /** Wraps the data keys. */
  readonly kek: KeyObject
  /** A file is followed by the next once it is this long. Default 64 MiB. */
  readonly fileBytes?: number
  readonly isWritable: boolean
  /** Default `sealHere`. */
  readonly seal?: PayloadSealing
}

const defaultFileBytes = 64 * 1024 * 1024
/** Files whose index is kept, beside the last one. */
const maxOpenFiles = 4
const ivBytes = 12
/** A larger batch is put together in a buffer of its own. */
const keptBytes = 4 * 1024 * 1024

/** `<first position>.enc` files and `data-keys`. */
export class FilePayloadStore implements PayloadStore {
  readonly #options: FilePayloadStoreOptions
  readonly #keys: DataKeys
  readonly #random: RandomPool
  #firstPositions: number[]
  readonly #open = new Map<number, Promise<PayloadFile>>()
  #failed = false
  /** What is written is put together here: one write at a time. */
  #scratch: Buffer = Buffer.alloc(0)

  private constructor(
    options: FilePayloadStoreOptions,
    keys: DataKeys,
    random: RandomPool,
    firstPositions: number[],
  ) {
    this.#options = options
    this.#keys = keys
    this.#random = random
    this.#firstPositions = firstPositions
  }

  static async open(options: FilePayloadStoreOptions): Promise<FilePayloadStore> {
    const { directory, origin, kek, isWritable } = options
    const random = new RandomPool((bytes) => randomBytes(bytes))
    const file = join(directory, 'data-keys')
    const keys = await DataKeys.open({ file, origin, kek, random, isWritable })
    return new FilePayloadStore(options, keys, random, await listFiles(directory))
  }

  async put(payloads: readonly NewPayload[]): Promise<void> {
    const first = payloads[0]
    if (first === undefined) return
    if (this.#failed) throw this.#writeFailed(undefined)
    try {
      const file = await this.#fileForWriting(first.position)
      await this.#write(file, payloads)
    } catch (cause) {
      this.#failed = true
      throw this.#writeFailed(cause)
    }
  }

  async get(from: number, to: number): Promise<ReadonlyMap<number, Payload | null>> {
    const found = new Map<number, Payload | null>()
    if (!this.#options.isWritable) {
      this.#firstPositions = await listFiles(this.#options.directory)
      this.#keys.forget()
    }
    let index = this.#firstPositions.length - 1
    while (index > 0 && (this.#firstPositions[index] ?? 0) > from) index--
    for (; index < this.#firstPositions.length; index++) {
      const firstPosition = this.#firstPositions[index]
      if (firstPosition === undefined || firstPosition >= to) break
      const file = await this.#file(firstPosition)
      if (!this.#options.isWritable) await file.refresh()
      for await (const { first, count, slot, record } of file.records(from, to)) {
        const key = await this.#keys.ofSlot(slot)
        const payloads = key === null ? null : openPayloadRecord(record, key)
        if (key !== null && payloads === null) {
          throw new LedgerError(
            'LEDGER_PAYLOAD_DAMAGED',
            `${file.name}: the payload of entry ${first} of ${this.#options.origin} was changed`,
          )
        }
        for (let at = Math.max(from, first); at < Math.min(to, first + count); at += 1) {
          found.set(at, payloads?.[at - first] ?? null)
        }
      }
    }
    return found
  }

  async explainMissing(position: number): Promise<string> {
    const firstPosition = this.#firstPositions.findLast((first) => first <= position)
    if (firstPosition === undefined) return 'payload: no file begins at or before this entry'
    const file = await this.#file(firstPosition)
    return file.isWhole
      ? `${file.name}: no record of it`
      : `${file.name}, byte ${file.end}: no record can be read from here on`
  }

  async erase(subject: string): Promise<boolean> {
    return (await this.#keys.erase(subject)) > 0
  }

  async cut(size: number, last: number): Promise<void> {
    const { directory } = this.#options
    await this.#mustHold(last)
    while ((this.#firstPositions.at(-1) ?? -1) >= size) {
      const firstPosition = this.#firstPositions.pop() ?? 0
      await this.#close(firstPosition)
      await unlink(join(directory, fileName(firstPosition)))
    }
    const lastFile = this.#firstPositions.at(-1)
    if (lastFile !== undefined) await (await this.#file(lastFile)).cut(size)
    await syncDirectory(directory)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const firstPosition of this.#open.keys()) await this.#close(firstPosition)
    await this.#keys.close()
  }

  // Records behind a damaged one are not found, and would be cut and written over.
  async #mustHold(position: number): Promise<void> {
    if (position < 0) return
    const firstPosition = this.#firstPositions.findLast((first) => first <= position)
    const file = firstPosition === undefined ? null : await this.#file(firstPosition)
    if (file?.holds(position) === true) return
    throw new LedgerError(
      'LEDGER_CORRUPT',
      `the payload of entry ${position} of ${this.#options.origin} is missing: ${await this.explainMissing(position)}`,
    )
  }

  async #write(file: PayloadFile, payloads: readonly NewPayload[]): Promise<void> {
    let room = payloads.length * recordOverheadBytes
    for (const payload of payloads) room += sizeOf(payload)
    const bytes = this.#room(room)
    const runs: WrittenRun[] = []
    const places: number[] = []
    const keys: KeyObject[] = []
    const keyOfSlot = new Map<number, number>()
    let end = 0
    for (let from = 0; from < payloads.length;) {
      const count = runLength(payloads, from)
      const { position: first = 0, subject = '' } = payloads[from] ?? {}
      runs.push({ first, count, start: end })
      const dataKey = await this.#keys.forSubject(subject)
      let keyAt = keyOfSlot.get(dataKey.slot)
      if (keyAt === undefined) {
        keyAt = keys.push(dataKey.key) - 1
        keyOfSlot.set(dataKey.slot, keyAt)
      }
      const iv = this.#random.take(ivBytes)
      const start = end
      end = layOutPayloadRecord(bytes, start, payloads, from, from + count, dataKey.slot, iv)
      places.push(start, end, keyAt)
      from += count
    }
    const { seal = sealHere } = this.#options
    // A payload whose key is lost is lost, so the keys come first.
    const [sealed] = await Promise.all([seal({ bytes, places, keys }), this.#keys.sync()])
    await file.append(sealed.subarray(0, end), runs)
    if (sealed.length <= keptBytes) this.#scratch = sealed
  }

  #room(bytes: number): Buffer {
    if (bytes > keptBytes) return Buffer.allocUnsafeSlow(bytes)
    const kept = this.#scratch
    // Whoever seals may move it away; it is kept again once it is back.
    this.#scratch = Buffer.alloc(0)
    return bytes > kept.length ? Buffer.allocUnsafeSlow(bytes) : kept
  }

  async #fileForWriting(position: number): Promise<PayloadFile> {
    const { directory, fileBytes = defaultFileBytes } = this.#options
    const last = this.#firstPositions.at(-1)
    if (last !== undefined) {
      const file = await this.#file(last)
      if (file.end < fileBytes) return file
    }
    const handle: FileHandle = await open(join(directory, fileName(position)), 'wx', 0o600)
    await handle.close()
    await syncDirectory(directory)
    this.#firstPositions.push(position)
    return this.#file(position)
  }

  #file(firstPosition: number): Promise<PayloadFile> {
    const kept = this.#open.get(firstPosition)
    if (kept !== undefined) {
      this.#open.delete(firstPosition)
      this.#open.set(firstPosition, kept)
      return kept
    }
    const { directory, isWritable } = this.#options
    const opened = PayloadFile.open(join(directory, fileName(firstPosition)), isWritable)
    opened.catch(() => this.#open.delete(firstPosition))
    this.#open.set(firstPosition, opened)
    for (const oldest of this.#open.keys()) {
      if (this.#open.size <= maxOpenFiles) break
      if (oldest !== this.#firstPositions.at(-1)) void this.#close(oldest)
    }
    return opened
  }

  async #close(firstPosition: number): Promise<void> {
    const opened = this.#open.get(firstPosition)
    this.#open.delete(firstPosition)
    const file = await opened?.catch(() => null)
    await file?.close()
  }

  #writeFailed(cause: unknown): LedgerError {
    return writeFailed(`${this.#options.origin}: payloads were not written`, cause)
  }
}

function fileName(firstPosition: number): string {
  return `${String(firstPosition).padStart(20, '0')}.enc`
}

async function listFiles(directory: string): Promise<number[]> {
  const names = await readdir(directory)
  return names
    .map((name) => /^(\d{20})\.enc$/.exec(name)?.[1])
    .filter((digits) => digits !== undefined)
    .map(Number)
    .sort((a, b) => a - b)
}
