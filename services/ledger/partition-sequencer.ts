import { CodecError, contentType, decodeEvent, schemaIdOf } from '../../schemas/codec.ts'
import type { AuditEvent } from '../../schemas/event.ts'
import type { Batch, BatchResult, StoredRecord } from '../bus/bus.ts'
import type { Clock } from '../runtime/clock.ts'
import { LedgerError } from './error.ts'
import type { LogWriter } from './log-writer.ts'
import { payloadCommitment, saltBytes } from './payload-commitment.ts'
import type { NewPayload } from './payload-store.ts'
import type { ChainedEvent } from './producer-chain.ts'
import { RandomPool } from './random-pool.ts'
import { formatMicroseconds, isFormattable } from './timestamp.ts'

/** What a batch came to: where to go on, and the events that are sealed now. */
export interface SealedRecords {
  readonly result: BatchResult
  readonly events: readonly ChainedEvent[]
}

export interface PartitionSequencerOptions {
  readonly clock: Clock
  randomBytes(bytes: number): Buffer
  /** Told when entries became durable. */
  onDurable(): void
}

const quarantinedContentType = 'application/octet-stream'
/** A leaf says these names, and has 65,535 bytes for everything: an event with longer ones is quarantined. */
const maxNameLength = 4096

/**
 * Seals the records of one partition, in order and exactly once: where to go on is in the commit frame that also holds the
 * entries. Records before that offset were sealed already and are skipped; a jump beyond it is sealed as a loss.
 */
export class PartitionSequencer {
  readonly #options: PartitionSequencerOptions
  readonly #random: RandomPool
  #log: LogWriter
  #failure: unknown = null

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
   */
  async startAt(low: bigint): Promise<bigint | 'oldest'> {
    const { batch } = this.#log
    const next = batch.nextOffset
    if (next < 0n) return 'oldest'
    if (next >= low) return next
    batch.setLedgerTime(this.#options.clock.nowUs())
    batch.addLoss(next, low, 'below_low_watermark')
    await this.#log.commit([])
    await this.#log.settled()
    this.#options.onDurable()
    return low
  }

  /** Resolves once all records of the batch are durable. What it throws after it began to add entries is fatal. */
  async handle(batch: Batch): Promise<SealedRecords> {
    if (this.#failure !== null) throw this.#failure
    await batch.beat()
    try {
      const events = await this.#seal(batch)
      return { result: { commit: this.#log.batch.nextOffset }, events }
    } catch (cause) {
      const error =
        cause instanceof LedgerError
          ? cause
          : new LedgerError('LEDGER_WRITE_FAILED', `${this.#log.origin}: a batch was not sealed`, {
              cause,
            })
      this.#failure = error
      throw error
    }
  }

  async #seal(batch: Batch): Promise<readonly ChainedEvent[]> {
    const writer = this.#log.batch
    let payloads: NewPayload[] = []
    const events: ChainedEvent[] = []
    const commit = async (): Promise<void> => {
      // After this no other reader may have the partition, or two writers would seal it.
      await batch.beat()
      await this.#log.commit(payloads)
      payloads = []
    }
    writer.setLedgerTime(this.#options.clock.nowUs())
    for (const record of batch.records) {
      const next = writer.nextOffset
      if (record.offset < next) continue
      if (next >= 0n && record.offset > next) {
        if (writer.isFull) await commit()
        writer.addLoss(next, record.offset, 'offsets_missing')
      }
      if (writer.isFull) await commit()
      const event = decoded(record.value)
      payloads.push(this.#add(record, event))
      if (event !== null) events.push({ event, value: record.value })
    }
    await commit()
    await this.#log.settled()
    this.#options.onDurable()
    return events
  }

  #add(record: StoredRecord, event: AuditEvent | null): NewPayload {
    const { batch: writer, duplicates } = this.#log
    const position = writer.nextSeq
    const salt = this.#random.take(saltBytes)
    const off = Number(record.offset)
    const lepoch = record.leaderEpoch ?? -1
    const csz = record.value.length
    const com = payloadCommitment(salt, record.value)
    // Written out in full: spreading parts into each other costs more than the hash.
    writer.addEvent(
      event === null
        ? {
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
            ixOutcome: null,
            dupOf: null,
          }
        : {
            off,
            lepoch,
            evt: event.id,
            et: formatMicroseconds(event.occurred_at),
            prod: event.producer,
            pseq: event.producer_seq,
            cty: `${contentType};schema=${schemaIdOf(record.value)}`,
            csz,
            com,
            ixType: event.type,
            ixOutcome: outcomeOf(event),
            dupOf: duplicates.note(event.id, position),
          },
    )
    const subject = event?.session_id ?? event?.producer ?? `key:${record.key.toString('base64')}`
    return { position, subject, salt, key: record.key, value: record.value }
  }
}

function outcomeOf({ decision, completion, session }: AuditEvent): string | null {
  return decision?.outcome ?? completion?.outcome ?? session?.outcome ?? null
}

/** The event, or null for bytes that cannot be told apart from noise: they are sealed all the same, as they are. */
function decoded(value: Buffer): AuditEvent | null {
  try {
    const event = decodeEvent(value)
    const isDescribable =
      isFormattable(event.occurred_at) &&
      Number.isSafeInteger(event.producer_seq) &&
      event.id.length <= maxNameLength &&
      event.producer.length <= maxNameLength
    return isDescribable ? event : null
  } catch (error) {
    if (error instanceof CodecError) return null
    throw error
  }
}
