import { setTimeout as pause } from 'node:timers/promises'

import { BusError } from '../bus/bus.ts'
import type { BusProducer, BusRecord } from '../bus/bus.ts'
import { sealedHeaders } from '../bus/topics.ts'
import type { Logger } from '../runtime/logger.ts'
import { LedgerError } from './error.ts'
import { sealedRecordHeaders } from './sealed-record.ts'
import type { LogStorage } from './storage.ts'

/** Entries of one round: their payloads are in memory together. */
const windowEntries = 256
/** The position is advice, so it is kept on disk only this often. */
const keepEveryMs = 1000

/**
 * Publishes the entries of one log on `ledger.sealed`, as far as a signed checkpoint covers them. At least once: after a crash it
 * goes on from the last position it kept. Entries of one key are sent in order; those of different keys of one window may overtake
 * each other. Entries without a payload (genesis, losses, erased ones) are not published,
 * nor those that the bus refuses as too large.
 */
export class SealedPublisher {
  readonly #log: LogStorage
  readonly #producer: BusProducer
  readonly #topic: string
  readonly #logger: Logger
  #position: number
  #kept: number
  #keptAtMs = 0

  private constructor(
    log: LogStorage,
    producer: BusProducer,
    topic: string,
    logger: Logger,
    position: number,
  ) {
    this.#log = log
    this.#producer = producer
    this.#topic = topic
    this.#logger = logger
    this.#position = position
    this.#kept = position
  }

  static async open(
    log: LogStorage,
    producer: BusProducer,
    topic: string,
    logger: Logger,
  ): Promise<SealedPublisher> {
    const position = Math.min(await log.sealed.read(), log.entries.last.size)
    return new SealedPublisher(log, producer, topic, logger, position)
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
        this.#logger.warn(
          { log: this.#log.origin, position: this.#position, err: error },
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
    await this.#log.sealed.write(this.#kept)
  }

  async #publishWindow(from: number, to: number): Promise<number> {
    const { origin, entries, payloads } = this.#log
    const leaves = await entries.read(from, to)
    const end = from + leaves.length
    const found = await payloads.get(from, end)
    const byKey = new Map<string, { key: Buffer; records: BusRecord[] }>()
    for (const [position, payload] of found) {
      const leaf = leaves[position - from]
      if (leaf === undefined || payload === null) continue
      const { key, value } = payload
      const headers = sealedRecordHeaders(origin, position, leaf)
      const name = key.toString('base64')
      const group = byKey.get(name)
      if (group === undefined) byKey.set(name, { key, records: [{ value, headers }] })
      else group.records.push({ value, headers })
    }
    const sends = Array.from(byKey.values(), ({ key, records }) => this.#send(key, records))
    await Promise.all(sends)
    return end
  }

  /** With its headers a record may be larger than the bus takes. It stays in the ledger, where readers find what is missing here. */
  async #send(key: Buffer, records: readonly BusRecord[]): Promise<void> {
    try {
      await this.#producer.send(this.#topic, key, records)
    } catch (error) {
      if (!(error instanceof BusError) || error.code !== 'BUS_RECORD_TOO_LARGE') throw error
      const [only] = records
      if (records.length > 1) {
        for (const record of records) await this.#send(key, [record])
        return
      }
      const position = only?.headers[sealedHeaders.position]?.toString()
      this.#logger.error(
        { log: this.#log.origin, position, sizeBytes: only?.value.length },
        'a sealed entry is too large to be published again; it is in the ledger only',
      )
    }
  }
}
