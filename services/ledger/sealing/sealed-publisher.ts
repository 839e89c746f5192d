import { setTimeout as pause } from 'node:timers/promises'

import { BusError } from '../../bus/bus.ts'
import type { BusProducer, BusRecord } from '../../bus/bus.ts'
import { sealedHeaders } from '../../bus/topics.ts'
import type { Logger } from '../../runtime/logger.ts'
import { LedgerError } from '../error.ts'
import { leafHash } from '../proof/hash.ts'
import type { RecentEntries, SealedEntries } from '../log/recent-entries.ts'
import { quarantineOf, sealedRecordHeaders, type SealedEntry } from './sealed-record.ts'
import type { LogStorage } from '../storage/storage.ts'

/** Entries of one round. */
const windowEntries = 1024
/** Of those that are read: their payloads are in memory together. */
const storedWindow = 256
/** The position is advice, so it is kept on disk only this often. */
const keepEveryMs = 1000

export interface SealedPublisherOptions {
  readonly log: LogStorage
  readonly producer: BusProducer
  readonly topic: string
  readonly logger: Logger
  /** What this process sealed last. */
  readonly recent: RecentEntries | null
}

/**
 * Publishes the entries of one log on `ledger.sealed`, as far as a signed checkpoint covers them. At least once: after a crash it
 * goes on from the last position it kept. Entries of one key are sent in order; those of different keys of one window may overtake
 * each other. Entries without a payload (genesis, losses, erased ones) are not published,
 * nor those that the bus refuses as too large.
 */
export class SealedPublisher {
  readonly #options: SealedPublisherOptions
  readonly #origin: Buffer
  #position: number
  #kept: number
  #keptAtMs = 0

  private constructor(options: SealedPublisherOptions, position: number) {
    this.#options = options
    this.#origin = Buffer.from(options.log.origin)
    this.#position = position
    this.#kept = position
  }

  static async open(options: SealedPublisherOptions): Promise<SealedPublisher> {
    const { sealed, entries } = options.log
    const position = Math.min(await sealed.read(), entries.last.size)
    return new SealedPublisher(options, position)
  }

  get position(): number {
    return this.#position
  }

  /** Publishes up to `size`. A bus that does not take them is asked again until the signal aborts; then it resolves early. */
  async publishTo(size: number, signal: AbortSignal): Promise<void> {
    let pauseMs = 100
    while (this.#position < size && !signal.aborted) {
      const to = Math.min(size, this.#position + windowEntries)
      try {
        this.#position = await this.#publishWindow(this.#position, to)
        pauseMs = 100
      } catch (error) {
        // A damaged store does not heal by waiting.
        if (error instanceof LedgerError) throw error
        this.#options.logger.warn(
          { log: this.#options.log.origin, position: this.#position, err: error },
          'sealed entries could not be published; trying again',
        )
        await pause(pauseMs, undefined, { signal }).catch(() => undefined)
        pauseMs = Math.min(pauseMs * 2, 5000)
      }
      if (performance.now() - this.#keptAtMs >= keepEveryMs) await this.keep()
    }
  }

  /** Keeps the position on disk. */
  async keep(): Promise<void> {
    if (this.#kept === this.#position) return
    this.#kept = this.#position
    this.#keptAtMs = performance.now()
    await this.#options.log.sealed.write(this.#kept)
  }

  async #publishWindow(from: number, to: number): Promise<number> {
    const { recent } = this.#options
    const { entries, end } = recent?.read(from, to) ?? (await this.#stored(from, to))
    const byKey = new Map<string, { key: Buffer; records: BusRecord[] }>()
    for (const entry of entries) {
      const { key, value } = entry
      const record = { value, headers: sealedRecordHeaders(this.#origin, entry) }
      const name = key.toString('latin1')
      const group = byKey.get(name)
      if (group === undefined) byKey.set(name, { key, records: [record] })
      else group.records.push(record)
    }
    await Promise.all(Array.from(byKey.values(), ({ key, records }) => this.#send(key, records)))
    return end
  }

  async #stored(from: number, to: number): Promise<SealedEntries> {
    const { entries, payloads } = this.#options.log
    const leaves = await entries.read(from, Math.min(to, from + storedWindow))
    const end = from + leaves.length
    const sealed: SealedEntry[] = []
    for (const [position, payload] of await payloads.get(from, end)) {
      const leaf = leaves[position - from]
      if (leaf === undefined || payload === null) continue
      const { key, value } = payload
      const quarantine = quarantineOf(leaf)
      sealed.push({ position, leafHash: leafHash(leaf), key, value, quarantine })
    }
    return { entries: sealed, end }
  }

  /** With its headers a record may be larger than the bus takes. It stays in the ledger, where readers find what is missing here. */
  async #send(key: Buffer, records: readonly BusRecord[]): Promise<void> {
    const { producer, topic } = this.#options
    try {
      await producer.send(topic, key, records)
    } catch (error) {
      if (!(error instanceof BusError) || error.code !== 'BUS_RECORD_TOO_LARGE') throw error
      const [only] = records
      if (records.length > 1) {
        for (const record of records) await this.#send(key, [record])
        return
      }
      const position = only?.headers[sealedHeaders.position]?.toString()
      this.#options.logger.error(
        { log: this.#options.log.origin, position, sizeBytes: only?.value.length },
        'a sealed entry is too large to be published again; it is in the ledger only',
      )
    }
  }
}
