import { createCipheriv, createDecipheriv, createHash, createSecretKey } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { open } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { crc32 } from 'node:zlib'

import { LRUCache } from 'lru-cache'

import { LedgerError } from '../../error.ts'
import { shortName } from './durable-files.ts'
import type { RandomPool } from '../../log/random-pool.ts'

/**
 * The data keys of one log's payloads, in slots of one file. A slot, 128 bytes:
 * `u8 state | 3 zero | 32 SHA-256 of the subject | 12 iv | 32 wrapped key | 16 tag | 28 zero | u32 crc`.
 * The key-encryption key wraps each one; origin, slot number and subject are authenticated with it, so a slot cannot be moved.
 *
 * Erasing overwrites the slot in place. Copies that a file system or a disk may keep of old blocks open only with the
 * key-encryption key, which is not stored with them.
 */
export class DataKeys {
  readonly #handle: FileHandle
  readonly #file: string
  readonly #kek: KeyObject
  readonly #origin: string
  readonly #random: RandomPool
  #slots: number
  /** Recently used, by subject and by slot. Another key is made for a subject that has dropped out. */
  readonly #bySubject = new LRUCache<string, DataKey>({ max: maxKept })
  /** What is still being read stands here, too, so that an erasure replaces it: a key that was read before is not kept after. */
  readonly #bySlot = new LRUCache<number, Promise<DataKey | null>>({ max: maxKept })
  /** Slots on their way to the file. */
  readonly #writing = new Set<Promise<unknown>>()
  /** How many slots were written to the file, and how many of these are durable. */
  #written = 0
  #synced = 0

  private constructor(options: DataKeysOptions, handle: FileHandle, slots: number) {
    this.#handle = handle
    this.#file = options.file
    this.#kek = options.kek
    this.#origin = options.origin
    this.#random = options.random
    this.#slots = slots
  }

  static async open(options: DataKeysOptions): Promise<DataKeys> {
    const handle = await open(options.file, options.isWritable ? 'r+' : 'r')
    // A slot that a crash cut short was never used: a payload is written only after its slot is durable.
    const slots = Math.floor((await handle.stat()).size / slotBytes)
    return new DataKeys(options, handle, slots)
  }

  /** The key for new payloads of this subject. It may be used on disk once `sync` has resolved. */
  async forSubject(subject: string): Promise<DataKey> {
    const kept = this.#bySubject.get(subject)
    if (kept !== undefined) return kept
    const slot = this.#slots++
    const secret = this.#random.take(32)
    const key: DataKey = { slot, key: createSecretKey(secret) }
    const bytes = this.#encodeSlot(slot, subjectHash(subject), secret)
    secret.fill(0)
    const write = this.#handle.write(bytes, 0, slotBytes, slot * slotBytes)
    this.#writing.add(write)
    try {
      await write
    } finally {
      this.#writing.delete(write)
    }
    this.#written += 1
    this.#bySubject.set(subject, key)
    this.#bySlot.set(slot, Promise.resolve(key))
    return key
  }

  /** Resolves when every key that was given before is durable. */
  async sync(): Promise<void> {
    const written = this.#written
    if (this.#synced >= written) return
    await this.#handle.datasync()
    this.#synced = Math.max(this.#synced, written)
  }

  /** The key of a slot, null when it was erased. Throws `LEDGER_PAYLOAD_DAMAGED`. */
  ofSlot(slot: number): Promise<DataKey | null> {
    const kept = this.#bySlot.get(slot)
    if (kept !== undefined) return kept
    const reading = this.#readSlot(slot)
    this.#bySlot.set(slot, reading)
    reading.catch(() => {
      if (this.#bySlot.peek(slot) === reading) this.#bySlot.delete(slot)
    })
    return reading
  }

  /** Keeps no key of a slot: another process may have erased it. */
  forget(): void {
    this.#bySlot.clear()
  }

  /** Destroys every key of a subject, durably. Says how many there were. A key that is asked for meanwhile is a new one, and stays. */
  async erase(subject: string): Promise<number> {
    const slots = this.#slots
    // One on its way would be missed, or be kept below although it was overwritten.
    await Promise.allSettled(this.#writing)
    this.#bySubject.delete(subject)
    const wanted = subjectHash(subject)
    const block = Buffer.alloc(slotBytes * 512)
    let erased = 0
    for (let first = 0; first < slots; first += 512) {
      const length = Math.min(512, slots - first) * slotBytes
      const { bytesRead } = await this.#handle.read(block, 0, length, first * slotBytes)
      for (let at = 0; at + slotBytes <= bytesRead; at += slotBytes) {
        const isWanted = block.subarray(at + subjectAt, at + ivAt).equals(wanted)
        if (!isWanted || block[at] === stateErased) continue
        const slot = first + at / slotBytes
        const bytes = Buffer.alloc(slotBytes)
        bytes[0] = stateErased
        wanted.copy(bytes, subjectAt)
        bytes.writeUInt32BE(crc32(bytes.subarray(0, crcAt)), crcAt)
        await this.#overwrite(slot, bytes)
        erased++
      }
    }
    if (erased > 0) await this.#handle.datasync()
    return erased
  }

  async close(): Promise<void> {
    await this.#handle.close()
  }

  async #overwrite(slot: number, erased: Buffer): Promise<void> {
    // Before it is written: what is being read of the slot at this moment is not kept then.
    this.#bySlot.set(slot, Promise.resolve(null))
    try {
      await this.#handle.write(erased, 0, slotBytes, slot * slotBytes)
    } catch (error) {
      this.#bySlot.delete(slot)
      throw error
    }
  }

  async #readSlot(slot: number): Promise<DataKey | null> {
    const bytes = Buffer.alloc(slotBytes)
    const { bytesRead } = await this.#handle.read(bytes, 0, slotBytes, slot * slotBytes)
    if (bytesRead !== slotBytes) throw this.#damaged(slot, 'it is missing')
    return this.#decodeSlot(slot, bytes)
  }

  #encodeSlot(slot: number, subject: Buffer, secret: Buffer): Buffer {
    const bytes = Buffer.alloc(slotBytes)
    bytes[0] = stateLive
    subject.copy(bytes, subjectAt)
    const iv = this.#random.take(12)
    iv.copy(bytes, ivAt)
    const cipher = createCipheriv('aes-256-gcm', this.#kek, iv)
    cipher.setAAD(this.#context(slot, subject))
    cipher.update(secret).copy(bytes, wrappedAt)
    cipher.final()
    cipher.getAuthTag().copy(bytes, tagAt)
    bytes.writeUInt32BE(crc32(bytes.subarray(0, crcAt)), crcAt)
    return bytes
  }

  #decodeSlot(slot: number, bytes: Buffer): DataKey | null {
    if (crc32(bytes.subarray(0, crcAt)) !== bytes.readUInt32BE(crcAt)) {
      throw this.#damaged(slot, 'its checksum is wrong')
    }
    if (bytes[0] === stateErased) return null
    const decipher = createDecipheriv('aes-256-gcm', this.#kek, bytes.subarray(ivAt, wrappedAt))
    decipher.setAAD(this.#context(slot, bytes.subarray(subjectAt, ivAt)))
    decipher.setAuthTag(bytes.subarray(tagAt, tagAt + 16))
    try {
      const secret = decipher.update(bytes.subarray(wrappedAt, tagAt))
      decipher.final()
      return { slot, key: createSecretKey(secret) }
    } catch (cause) {
      throw this.#damaged(slot, 'the key-encryption key does not open it', cause)
    }
  }

  #context(slot: number, subject: Buffer): Buffer {
    return Buffer.concat([Buffer.from(`${this.#origin}\n${slot}\n`), subject])
  }

  #damaged(slot: number, what: string, cause?: unknown): LedgerError {
    return new LedgerError(
      'LEDGER_PAYLOAD_DAMAGED',
      `${shortName(this.#file)}: data key ${slot}: ${what}`,
      { cause },
    )
  }
}

export interface DataKeysOptions {
  readonly file: string
  readonly origin: string
  readonly kek: KeyObject
  readonly random: RandomPool
  readonly isWritable: boolean
}

export interface DataKey {
  readonly slot: number
  readonly key: KeyObject
}

const slotBytes = 128
const stateLive = 1
const stateErased = 2
const subjectAt = 4
const ivAt = 36
const wrappedAt = 48
const tagAt = 80
const crcAt = 124
const maxKept = 4096

function subjectHash(subject: string): Buffer {
  return createHash('sha256').update(subject).digest()
}
