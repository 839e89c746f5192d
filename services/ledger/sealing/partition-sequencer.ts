import { setImmediate as nextTurn } from 'node:timers/promises'

import { contentType } from '../../../schemas/codec.ts'
import type { Batch, BatchResult, StoredRecord } from '../../bus/bus.ts'
import type { Clock } from '../../runtime/clock.ts'
import type { SealedEvent } from '../log/batch-writer.ts'
import { LedgerError, writeFailed } from '../error.ts'
import { mergeFindings } from './finding.ts'
import type { Finding } from './finding.ts'
import type { LogWriter } from '../log/log-writer.ts'
import { payloadCommitment, saltBytes } from '../log/payload-commitment.ts'
import type { NewPayload } from '../storage/payload-store.ts'
import type { ChainedEvent } from './producer-chain.ts'
import { RandomPool } from '../log/random-pool.ts'
import { checkRecord, maxKeyBytes } from './record-check.ts'
import type { CheckedRecord } from './record-check.ts'
import { formatMicroseconds } from '../log/timestamp.ts'

/** What a batch came to: where to go on, and the events of it. */
export interface SealedRecords {
  readonly result: BatchResult
  readonly events: readonly ChainedEvent[]
  /** What was lost, or sealed as bytes that are no event. */
  readonly findings: readonly Finding[]
}

/** Where reading begins, and what was lost before it. */
export interface Start {
  readonly from: bigint | 'oldest'
  readonly lost: Finding | null
}

export interface PartitionSequencerOptions {
  readonly topic: string
  readonly partition: number
  /** Of the topic: says which of them a key belongs to. */
  readonly partitions: number
  readonly clock: Clock
  randomBytes(bytes: number): Buffer
  /** Told when entries became durable, and when they could not: whoever signs next hears of it. */
  readonly onWritten: () => void
}

/** Sealing so many takes some milliseconds, in which nothing else of the process runs. */
const recordsOfTurn = 512

const quarantinedContentType = 'application/octet-stream'

/**
 * Seals the records of one partition, in order and exactly once: where to go on is in the commit frame that also holds the
 * entries. Records before that offset were sealed already and are skipped; a jump beyond it is sealed as a loss.
 */
export class PartitionSequencer {
  readonly #options: PartitionSequencerOptions
  readonly #random: RandomPool
  #log: LogWriter
  #failure: unknown = null
  /** The record that was sealed last, while it is to be compared with what the bus has there. */
  #overlap: SealedEvent | null = null

  constructor(log: LogWriter, options: PartitionSequencerOptions) {
    this.#log = log
    this.#options = options
    this.#random = new RandomPool((bytes) => options.randomBytes(bytes))
  }

  get log(): LogWriter {
    return this.#log
  }

  /** Goes on in another log, with nothing of the old one in flight. */
  moveTo(log: LogWriter): void {
    this.#log = log
  }

  /**
   * Where reading begins. When the bus no longer holds that offset, the loss is sealed first and reading begins at the oldest record.
   * Else it begins with the last record that is sealed, where the bus has it still: `handle` compares the two. Throws
   * `LEDGER_TOPIC_REPLACED` when the bus ends before what is sealed.
   */
  async startAt(low: bigint, high: bigint): Promise<Start> {
    await this.#log.settled()
    const { batch } = this.#log
    const next = batch.nextOffset
    this.#overlap = null
    if (next > high) throw this.#replaced(`the bus ends at ${high}`)
    if (next < 0n) return { from: 'oldest', lost: null }
    if (next >= low) {
      const last = batch.lastEvent
      if (last === null || BigInt(last.offset) !== next - 1n || next === low) {
        return { from: next, lost: null }
      }
      this.#overlap = last
      return { from: next - 1n, lost: null }
    }
    const position = batch.nextSeq
    batch.setLedgerTime(this.#options.clock.nowUs())
    batch.addLoss(next, low, 'below_low_watermark')
    await this.#log.commit([])
    await this.#log.settled()
    this.#options.onWritten()
    const lost = this.#finding('below_low_watermark', Number(next), Number(low) - 1, position)
    return { from: low, lost }
  }

  /**
   * Seals the records of a batch and begins to write them; resolves once those of the batch before are durable, so that one batch is
   * read and prepared while the other is written. `settled` of the log says when all
   * are. What it throws after it began to add entries is fatal.
   */
  async handle(batch: Batch): Promise<SealedRecords> {
    if (this.#failure !== null) throw this.#failure
    await batch.beat()
    try {
      const sealed = await this.#seal(batch)
      return { result: { commit: this.#log.batch.nextOffset }, ...sealed }
    } catch (cause) {
      const error =
        cause instanceof LedgerError
          ? cause
          : writeFailed(`${this.#log.origin}: a batch was not sealed`, cause)
      this.#failure = error
      throw error
    }
  }

  async #seal(batch: Batch): Promise<Omit<SealedRecords, 'result'>> {
    const { partition, partitions } = this.#options
    const writer = this.#log.batch
    let payloads: NewPayload[] = []
    const events: ChainedEvent[] = []
    const findings: Finding[] = []
    const commit = async (): Promise<void> => {
      // After this no other reader may have the partition, or two writers would seal it.
      await batch.beat()
      await this.#log.commit(payloads)
      payloads = []
    }
    writer.setLedgerTime(this.#options.clock.nowUs())
    for (const [index, record] of batch.records.entries()) {
      if (index > 0 && index % recordsOfTurn === 0) {
        await nextTurn()
        writer.setLedgerTime(this.#options.clock.nowUs())
      }
      const next = writer.nextOffset
      if (record.offset < next) {
        if (this.#overlap !== null) await this.#mustBeSame(record)
        continue
      }
      if (next >= 0n && record.offset > next) {
        if (writer.isFull) await commit()
        const last = Number(record.offset) - 1
        findings.push(this.#finding('offsets_missing', Number(next), last, writer.nextSeq))
        writer.addLoss(next, record.offset, 'offsets_missing')
      }
      if (writer.isFull) await commit()
      const position = writer.nextSeq
      const checked = checkRecord(record, partition, partitions)
      const { payload, isRepeat } = this.#add(record, checked)
      payloads.push(payload)
      if (checked.type === 'event') {
        events.push({ outline: checked.outline, value: record.value, isRepeat })
      } else {
        const offset = Number(record.offset)
        findings.push(this.#finding(checked.reason, offset, offset, position))
      }
    }
    await commit()
    const { onWritten } = this.#options
    void this.#log.settled().then(onWritten, onWritten)
    return { events, findings: mergeFindings(findings) }
  }

  #add(
    record: StoredRecord,
    checked: CheckedRecord,
  ): { readonly payload: NewPayload; readonly isRepeat: boolean } {
    const { batch: writer, duplicates } = this.#log
    const position = writer.nextSeq
    const salt = this.#random.take(saltBytes)
    const off = Number(record.offset)
    const lepoch = record.leaderEpoch ?? -1
    const csz = record.value.length
    const com = payloadCommitment(salt, record.value)
    const key = keptKey(record.key)
    if (checked.type === 'quarantined') {
      writer.addEvent({
        off,
        lepoch,
        evt: '',
        et: '',
        prod: '',
        pseq: -1,
        cty: quarantinedContentType,
        csz,
        com,
        ixType: 'quarantined',
        ixOutcome: checked.reason,
        dupOf: null,
      })
      const subject = checked.subject ?? subjectOf(key)
      const { topic, partition } = this.#options
      const quarantine = { reason: checked.reason, source: `${topic}/${partition}/${off}` }
      const { value } = record
      return { payload: { position, subject, salt, key, value, quarantine }, isRepeat: false }
    }
    const { outline } = checked
    const dupOf = duplicates.note(outline.id, position)
    writer.addEvent({
      off,
      lepoch,
      evt: outline.id,
      et: formatMicroseconds(outline.occurredAt),
      prod: outline.producer,
      pseq: outline.producerSeq,
      cty: contentTypeOf(outline.schemaId),
      csz,
      com,
      ixType: outline.type,
      ixOutcome: outline.outcome,
      dupOf,
    })
    const subject = outline.sessionId ?? outline.producer
    return {
      payload: { position, subject, salt, key, value: record.value },
      isRepeat: dupOf !== null,
    }
  }

  /** The record that was sealed last, as the bus has it now. An erased one cannot be compared. */
  async #mustBeSame(record: StoredRecord): Promise<void> {
    const last = this.#overlap
    if (last === null || record.offset !== BigInt(last.offset)) return
    this.#overlap = null
    const { seq } = last
    const payload = (await this.#log.storage.payloads.get(seq, seq + 1)).get(seq) ?? null
    if (payload === null) return
    if (payload.value.equals(record.value) && payload.key.equals(keptKey(record.key))) return
    throw this.#replaced(`the record before it is not the one of entry ${seq}`)
  }

  #replaced(what: string): LedgerError {
    const { topic, partition } = this.#options
    const next = this.#log.batch.nextOffset
    return new LedgerError(
      'LEDGER_TOPIC_REPLACED',
      `${topic}, partition ${partition}: ${this.#log.origin} goes on at offset ${next}, but ${what}: the topic was made again, lost its end, or is another one. Nothing was sealed. Bring back the topic that this ledger has read; where it is gone for good, keep this data directory as evidence and begin another with init`,
    )
  }

  #finding(
    reason: Finding['reason'],
    fromOffset: number,
    toOffset: number,
    position: number,
  ): Finding {
    const { topic, partition } = this.#options
    const count = toOffset - fromOffset + 1
    const log = this.#log.origin
    return { reason, topic, partition, fromOffset, toOffset, count, log, position }
  }
}

/** Made once for each schema, so that a leaf is compared with the one before by the same string. */
const contentTypes = new Map<number, string>()

function contentTypeOf(schemaId: number): string {
  const known = contentTypes.get(schemaId)
  if (known !== undefined) return known
  const made = `${contentType};schema=${schemaId}`
  contentTypes.set(schemaId, made)
  return made
}

function keptKey(key: Buffer): Buffer {
  return key.length > maxKeyBytes ? key.subarray(0, maxKeyBytes) : key
}

function subjectOf(key: Buffer): string {
  return `key:${key.toString('base64')}`
}
