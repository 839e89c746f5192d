import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { Logger } from 'pino'
import { BusError, type BusRecord } from '../../bus.ts'
import type { GroupOffset } from './bus-file.ts'
import type { GroupOffsets } from './group-offsets.ts'
import type { PartitionTable, PartitionView } from './partition-table.ts'
import type { SendRoomLimits } from '../../send-room.ts'
import { encodeBatches } from './record-batch.ts'
import { SendQueue, type PendingSend } from './send-queue.ts'
import type { FromWriter, ToWriter, WriterData } from './writer-messages.ts'

/** What goes into one transaction: enough to share a disk sync among many, little enough to answer soon. */
const groupBytes = 4 << 20
/** One group is being written while the next is already there. */
const groupsInFlight = 2
const offsetDelayMs = 20
const offsetRetryMs = 1_000

export interface WriterOptions extends SendRoomLimits {
  readonly maxRecordBytes: number
  readonly clock: () => number
  readonly logger: Logger | undefined
}

interface Group {
  readonly sends: readonly PendingSend[]
  readonly offsets: readonly GroupOffset[]
}

/**
 * The main thread's side of the writer. While a group is on its way to the disk the next one gathers, so the groups grow
 * with the load and an idle bus answers at once.
 */
export class Writer {
  readonly #worker: Worker
  readonly #partitions: PartitionTable
  readonly #offsets: GroupOffsets
  readonly #options: WriterOptions
  readonly #queue: SendQueue
  readonly #inFlight: Group[] = []
  #isFlushPlanned = false
  #offsetTimer: NodeJS.Timeout | null = null
  #refusal: BusError | null = null
  #onIdle: (() => void) | null = null

  private constructor(
    worker: Worker,
    partitions: PartitionTable,
    offsets: GroupOffsets,
    options: WriterOptions,
  ) {
    this.#worker = worker
    this.#partitions = partitions
    this.#offsets = offsets
    this.#options = options
    this.#queue = new SendQueue(options)
    worker.on('message', (message: FromWriter) => this.#receive(message))
    worker.on('error', (cause) => this.#fail(cause))
    worker.on('exit', () => this.#fail(new Error('the writer ended')))
  }

  static async start(
    data: WriterData,
    partitions: PartitionTable,
    offsets: GroupOffsets,
    options: WriterOptions,
  ): Promise<Writer> {
    const worker = new Worker(new URL('./writer-thread.ts', import.meta.url), { workerData: data })
    try {
      await once(worker, 'message')
    } catch (cause) {
      throw new BusError('BUS_UNAVAILABLE', `the bus file ${data.file} cannot be written`, {
        cause,
      })
    }
    return new Writer(worker, partitions, offsets, options)
  }

  /** Resolves with the offset of the first record once all are durable. */
  send(partition: PartitionView, key: Buffer, records: readonly BusRecord[]): Promise<number> {
    if (this.#refusal !== null) return Promise.reject(this.#refusal)
    this.#refuseLargeRecords(partition, key, records)
    const batches = encodeBatches(key, records)
    const sizeBytes = batches.reduce((sum, { bytes }) => sum + bytes.length, 0)
    return new Promise((resolve, reject) => {
      this.#queue.add({ partition, batches, sizeBytes, resolve, reject })
      this.#planFlush()
    })
  }

  /** Keeps a group's offset, in its own time. */
  keepOffset(offset: GroupOffset): void {
    this.#offsets.set(offset)
    this.#planOffsets(offsetDelayMs)
  }

  deleteOlder(nowMs: number): void {
    this.#tell({ type: 'retain', nowMs })
  }

  /** Takes nothing new, writes what it took, ends the thread. */
  async close(): Promise<void> {
    const hasEnded = this.#refusal !== null
    this.#refusal ??= new BusError('BUS_CLOSED', 'the bus is closed')
    this.#queue.rejectWaiting(this.#refusal)
    if (this.#offsetTimer !== null) clearTimeout(this.#offsetTimer)
    this.#offsetTimer = null
    if (hasEnded) return
    await this.#idle()
    if (this.#offsets.hasChanges) this.#post([])
    await this.#idle()
    if (this.#offsets.hasChanges) {
      this.#options.logger?.error(
        'group offsets could not be written: records will be handed over again',
      )
    }
    const exited = once(this.#worker, 'exit')
    this.#tell({ type: 'close' })
    await exited
  }

  #refuseLargeRecords(partition: PartitionView, key: Buffer, records: readonly BusRecord[]): void {
    const { maxRecordBytes } = this.#options
    for (const { value, headers } of records) {
      let size = key.length + value.length
      for (const name of Object.keys(headers)) size += name.length + (headers[name]?.length ?? 0)
      if (size > maxRecordBytes) {
        throw new BusError(
          'BUS_RECORD_TOO_LARGE',
          `a record for ${partition.topic} has ${size} bytes, at most ${maxRecordBytes} are taken`,
        )
      }
    }
  }

  /** Everything that is sent in this turn of the event loop goes into one group. */
  #planFlush(): void {
    if (this.#isFlushPlanned) return
    this.#isFlushPlanned = true
    setImmediate(() => {
      this.#isFlushPlanned = false
      this.#flush()
    })
  }

  #planOffsets(delayMs: number): void {
    if (this.#refusal !== null) return
    this.#offsetTimer ??= setTimeout(() => {
      this.#offsetTimer = null
      this.#flush()
      if (this.#offsets.hasChanges && this.#inFlight.length < groupsInFlight) this.#post([])
      if (this.#offsets.hasChanges) this.#planOffsets(offsetDelayMs)
    }, delayMs)
  }

  #flush(): void {
    while (this.#inFlight.length < groupsInFlight && this.#queue.length > 0) {
      this.#post(this.#queue.take(groupBytes))
    }
  }

  #post(sends: readonly PendingSend[]): void {
    const group: Group = { sends, offsets: this.#offsets.takeChanges() }
    this.#inFlight.push(group)
    const size = sends.reduce((sum, send) => sum + send.sizeBytes, 0)
    // Memory of its own, outside the shared pool, so that it can be moved.
    const bytes = Buffer.allocUnsafeSlow(size)
    const table: number[] = []
    let end = 0
    for (const { partition, batches } of sends) {
      for (const batch of batches) {
        bytes.set(batch.bytes, end)
        end += batch.bytes.length
        table.push(partition.index, batch.count, batch.bytes.length)
      }
    }
    const { buffer } = bytes
    const timestampMs = Math.floor(this.#options.clock())
    const { offsets } = group
    const message = { type: 'append', timestampMs, batches: table, bytes: buffer, offsets } as const
    this.#tell(message, [buffer])
  }

  #tell(message: ToWriter, move: readonly ArrayBuffer[] = []): void {
    this.#worker.postMessage(message, move)
  }

  #receive(message: FromWriter): void {
    switch (message.type) {
      case 'ready':
        return
      case 'appended':
        return this.#finish((group) => this.#acknowledge(group, message.baseOffsets))
      case 'refused': {
        this.#options.logger?.error({ reason: message.reason }, 'the bus could not be written')
        const error = new BusError(
          'BUS_UNAVAILABLE',
          `the bus cannot be written: ${message.reason}`,
        )
        return this.#finish((group) => this.#reject(group, error))
      }
      case 'trimmed': {
        const view = this.#partitions.at(message.partition)
        if (view !== undefined) view.low = message.low
        return
      }
      case 'troubled': {
        const { task, reason } = message
        this.#options.logger?.warn(
          { task, reason },
          'housekeeping of the bus failed, it is tried again',
        )
        return
      }
    }
  }

  #finish(settle: (group: Group) => void): void {
    const group = this.#inFlight.shift()
    if (group === undefined) return
    settle(group)
    this.#queue.release(group.sends)
    if (this.#queue.length > 0) this.#planFlush()
    if (this.#inFlight.length + this.#queue.length === 0) this.#onIdle?.()
  }

  #acknowledge(group: Group, baseOffsets: readonly number[]): void {
    let at = 0
    for (const send of group.sends) {
      const { partition, batches } = send
      const base = baseOffsets[at] ?? 0
      const count = batches.reduce((sum, batch) => sum + batch.count, 0)
      this.#partitions.grow(partition, base + count)
      send.resolve(base)
      at += batches.length
    }
  }

  #reject(group: Group, error: BusError): void {
    this.#offsets.returnChanges(group.offsets)
    if (this.#offsets.hasChanges) this.#planOffsets(offsetRetryMs)
    for (const send of group.sends) send.reject(error)
  }

  /** The thread is gone: whether the groups on their way were written is not known here, and nothing more can be. */
  #fail(cause: unknown): void {
    const error = new BusError('BUS_UNAVAILABLE', 'the writer of the bus has ended', { cause })
    const isClosing = this.#refusal !== null
    this.#refusal ??= error
    if (!isClosing) this.#options.logger?.fatal({ err: cause }, 'the writer of the bus has ended')
    this.#queue.rejectWaiting(error)
    for (const send of this.#queue.take(Infinity)) send.reject(error)
    while (this.#inFlight.length > 0) this.#finish((group) => this.#reject(group, error))
    this.#onIdle?.()
  }

  async #idle(): Promise<void> {
    if (this.#inFlight.length + this.#queue.length === 0) return
    await new Promise<void>((resolve) => {
      this.#onIdle = resolve
    })
  }
}
