import { closeSync, openSync } from 'node:fs'
import type { Logger } from 'pino'
import {
  BusError,
  type Bus,
  type BusConsumer,
  type BusProducer,
  type ConsumerOptions,
  type SendResult,
} from '../../bus.ts'
import { OpenConsumers } from '../../open-consumers.ts'
import { partitionOf } from '../../partitioner.ts'
import {
  loadOffsets,
  loadPartitions,
  openBusFile,
  openBusFileForReading,
  prepareTopics,
} from './bus-file.ts'
import { claimFile } from './claim.ts'
import { readAsMember } from './consumer.ts'
import { Group } from './group.ts'
import { GroupOffsets } from './group-offsets.ts'
import { LogReader } from './log-reader.ts'
import type { ReadContext } from './partition-loop.ts'
import { PartitionTable } from './partition-table.ts'
import type { TopicConfig } from '../../topic-config.ts'
import { Writer } from './writer.ts'

export interface EmbeddedBusOptions {
  /** The SQLite file; beside it stand its write-ahead log and the claim. Its directory exists. */
  readonly file: string
  readonly topics: readonly TopicConfig[]
  readonly logger?: Logger
  /** Milliseconds since 1970. */
  readonly clock?: () => number
  /** Closes the bus when it aborts. */
  readonly signal?: AbortSignal
  /** Key, headers and value together. Default 8 MiB. */
  readonly maxRecordBytes?: number
  /** Bytes that may wait to become durable. Default 64 MiB. */
  readonly queueBytes?: number
  /** How long a send waits for room in that queue. Default 10 s. */
  readonly sendWaitMs?: number
  /** The file takes no more than this. Default: what the disk takes. */
  readonly maxFileBytes?: number
  /** How often old records are looked for. Default one minute. */
  readonly retentionEveryMs?: number
}

/**
 * Opens the bus of one machine: one process, one file, no server. A send is durable (synced) when it resolves. Refuses a
 * file that another process holds, and a partition count that differs from the file's.
 */
export async function openEmbeddedBus(options: EmbeddedBusOptions): Promise<Bus> {
  options.signal?.throwIfAborted()
  await using cleanup = new AsyncDisposableStack()
  const { partitions, offsets, reader } = openFile(options, cleanup)
  const { file, topics, logger } = options
  const writer = await Writer.start(
    { file, topics, maxFileBytes: options.maxFileBytes ?? null },
    partitions,
    offsets,
    {
      maxRecordBytes: options.maxRecordBytes ?? 8 << 20,
      queueBytes: options.queueBytes ?? 64 << 20,
      waitMs: options.sendWaitMs ?? 10_000,
      waiters: 10_000,
      clock: options.clock ?? Date.now,
      logger,
    },
  )
  const bus = new EmbeddedBus({ partitions, reader, offsets, writer, logger }, cleanup.move())
  bus.deleteOldRecords(options.clock ?? Date.now, options.retentionEveryMs ?? 60_000)
  bus.closeOn(options.signal)
  return bus
}

function openFile(
  options: EmbeddedBusOptions,
  cleanup: AsyncDisposableStack,
): { partitions: PartitionTable; offsets: GroupOffsets; reader: LogReader } {
  const { file } = options
  try {
    cleanup.use(claimFile(file))
    keepPrivate(file)
    const prepared = prepareFile(options)
    const reader = new LogReader(openBusFileForReading(file))
    cleanup.defer(() => reader.close())
    return { ...prepared, reader }
  } catch (cause) {
    if (cause instanceof BusError) throw cause
    throw new BusError('BUS_UNAVAILABLE', `the bus file ${file} cannot be opened`, { cause })
  }
}

/** Events are for the services alone. The files that SQLite puts beside it take over the mode. */
function keepPrivate(file: string): void {
  closeSync(openSync(file, 'a', 0o600))
}

function prepareFile(options: EmbeddedBusOptions): {
  partitions: PartitionTable
  offsets: GroupOffsets
} {
  const { file, topics } = options
  const db = openBusFile(file)
  try {
    prepareTopics(db, topics)
    const states = loadPartitions(db, topics)
    const views = states.map(({ topic, topicId, partition, low, next }, index) => ({
      index,
      topic,
      topicId,
      partition,
      low,
      high: next,
    }))
    return { partitions: new PartitionTable(views), offsets: new GroupOffsets(loadOffsets(db)) }
  } finally {
    db.close()
  }
}

class EmbeddedBus implements Bus {
  readonly producer: BusProducer
  readonly #context: ReadContext
  readonly #cleanup: AsyncDisposableStack
  readonly #groups = new Map<string, Group>()
  readonly #consumers = new OpenConsumers()
  #retention: NodeJS.Timeout | null = null
  #closed: Promise<void> | null = null

  constructor(context: ReadContext, cleanup: AsyncDisposableStack) {
    this.#context = context
    this.#cleanup = cleanup
    this.producer = {
      send: async (topic, key, records): Promise<SendResult> => {
        if (this.#closed !== null) throw closed()
        if (records.length === 0) throw new RangeError('a send has at least one record')
        const views = context.partitions.ofTopic(topic)
        const view = context.partitions.find(topic, partitionOf(key, views.length))
        const base = await context.writer.send(view, key, records)
        return { partition: view.partition, baseOffset: BigInt(base) }
      },
    }
  }

  consumer(options: ConsumerOptions): BusConsumer {
    if (this.#closed !== null) throw closed()
    return this.#consumers.add(async (handle, stop) => {
      try {
        await readAsMember(this.#context, this.#group(options.group), options, handle, stop)
      } finally {
        // By its name: it may have been deleted meanwhile, and made anew by others.
        if (this.#groups.get(options.group)?.isEmpty) this.#groups.delete(options.group)
      }
    })
  }

  /** The one that those who read now are members of: to be joined at once, an empty one is deleted. */
  #group(name: string): Group {
    const { partitions } = this.#context
    const group = this.#groups.get(name) ?? new Group((topic) => partitions.ofTopic(topic).length)
    this.#groups.set(name, group)
    return group
  }

  async partitionsOf(topic: string): Promise<number> {
    return this.#context.partitions.ofTopic(topic).length
  }

  async watermarks(topic: string, partition: number): Promise<{ low: bigint; high: bigint }> {
    const { low, high } = this.#context.partitions.find(topic, partition)
    return { low: BigInt(low), high: BigInt(high) }
  }

  async committed(group: string, topic: string, partition: number): Promise<bigint | null> {
    this.#context.partitions.find(topic, partition)
    const next = this.#context.offsets.get(group, topic, partition)
    return next === undefined ? null : BigInt(next)
  }

  deleteOldRecords(clock: () => number, everyMs: number): void {
    this.#retention = setInterval(() => this.#context.writer.deleteOlder(clock()), everyMs)
  }

  closeOn(signal: AbortSignal | undefined): void {
    const close = (): void => {
      this[Symbol.asyncDispose]().catch((error: unknown) => {
        this.#context.logger?.error({ err: error }, 'the bus could not be closed')
      })
    }
    signal?.addEventListener('abort', close, { once: true })
    this.#cleanup.defer(() => signal?.removeEventListener('abort', close))
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    if (this.#retention !== null) clearInterval(this.#retention)
    await this.#consumers.close()
    await this.#context.writer.close()
    await this.#cleanup.disposeAsync()
  }
}

function closed(): BusError {
  return new BusError('BUS_CLOSED', 'the bus is closed')
}
