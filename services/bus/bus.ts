/**
 * The bus: topics of ordered partitions, read by groups. Offsets are `bigint`, headers are Buffers, and no type of a
 * client library passes through here. Offsets rise within a partition but need not be dense.
 */
export interface Bus extends AsyncDisposable {
  readonly producer: BusProducer
  /** Consumers of one group share the partitions of a topic; each partition has one reader of the group at a time. */
  consumer(options: ConsumerOptions): BusConsumer
  /** The number of partitions of a topic. Fails with `BUS_TOPIC_MISSING` when the topic does not exist. */
  partitionsOf(topic: string): Promise<number>
  /** The oldest offset that can still be read, and the offset the next record will get. */
  watermarks(topic: string, partition: number): Promise<{ low: bigint; high: bigint }>
  /**
   * The offset from which a group goes on; null where it has committed nothing. The records there may be gone. `BUS_OFFSET_OUT_OF_RANGE`
   * where what another program committed is no offset.
   */
  committed(group: string, topic: string, partition: number): Promise<bigint | null>
}

export interface BusProducer {
  /**
   * Appends records of one key, at least one, in order, to the partition of that key. Resolves once they are durable.
   * A caller that wants order awaits each call before the next of the same key. A failed call may be
   * repeated and may then have written twice: consumers tell repeats by the event's id.
   */
  send(topic: string, key: Buffer, records: readonly BusRecord[]): Promise<SendResult>
}

export interface SendResult {
  readonly partition: number
  /** The offset of the first record. */
  readonly baseOffset: bigint
}

export interface BusRecord {
  /** Empty on a compacted topic: a tombstone, with which the key goes at the next compaction. */
  readonly value: Buffer
  readonly headers: Readonly<Record<string, Buffer>>
}

/** Not to be copied by spreading: an adapter may read what is rarely asked for, as headers, when it is asked for. */
export interface StoredRecord extends BusRecord {
  readonly offset: bigint
  readonly key: Buffer
  /** When the bus took it, milliseconds since 1970. */
  readonly timestampMs: number
  /** The leader epoch of the partition, where the bus has one. */
  readonly leaderEpoch: number | null
}

export interface ConsumerOptions {
  readonly group: string
  readonly topics: readonly string[]
  /**
   * Where to begin a partition when it is assigned: an offset kept by the reader in its own store, or the group's
   * committed offset (the oldest record where there is none).
   */
  startAt?(topic: string, partition: number): Promise<bigint | 'committed' | 'oldest'>
  /** The most records handed over at once. Default 1,000. */
  readonly maxRecords?: number
}

export interface BusConsumer extends AsyncDisposable {
  /**
   * Hands batches to `handle`, one at a time per partition, until the signal aborts; then resolves. A batch whose
   * handler throws is handed over again after a pause. `BUS_OFFSET_OUT_OF_RANGE` is thrown when the start is older
   * than the oldest record or beyond the end: nothing is ever skipped in silence.
   */
  run(handle: BatchHandler, signal: AbortSignal): Promise<void>
}

export type BatchHandler = (batch: Batch) => Promise<BatchResult>

export interface Batch {
  readonly topic: string
  readonly partition: number
  readonly records: readonly StoredRecord[]
  /** The offset the next record of the partition will get: lag = highWatermark - last offset - 1. */
  readonly highWatermark: bigint
  /** Says that the reader is alive. Throws when the partition was taken from it: stop, append nothing more. */
  beat(): Promise<void>
}

export interface BatchResult {
  /** The offset to go on from; committed for the group. For a reader with a store of its own this is advice only. */
  readonly commit: bigint
}

export type BusErrorCode =
  | 'BUS_TOPIC_MISSING'
  | 'BUS_PARTITIONS_DIFFER'
  | 'BUS_OFFSET_OUT_OF_RANGE'
  | 'BUS_RECORD_TOO_LARGE'
  | 'BUS_FULL'
  | 'BUS_STALE_READER'
  | 'BUS_UNAVAILABLE'
  | 'BUS_CLOSED'
  /** A topic has settings that would lose or refuse what we send. */
  | 'BUS_TOPIC_UNFIT'
  /** The server does not take us for who we say we are, does not let us do it, or is not who we trust. */
  | 'BUS_DENIED'
  /** What is stored cannot be read: an unknown compression, or damaged bytes. */
  | 'BUS_UNREADABLE'

export class BusError extends Error {
  override readonly name = 'BusError'
  readonly code: BusErrorCode

  constructor(code: BusErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
