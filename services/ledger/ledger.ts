import type { Bus } from '../bus/bus.ts'
import { topics } from '../bus/topics.ts'
import type { RecordScope } from '../edge/capture/recorder.ts'
import type { Clock } from '../runtime/clock.ts'
import type { SigningKey } from '../runtime/key-file.ts'
import type { Logger } from '../runtime/logger.ts'
import { createLog } from './log/create-log.ts'
import { Duplicates } from './log/duplicates.ts'
import { LedgerError, withAdvice } from './error.ts'
import { decodeGenesis } from './log/genesis.ts'
import { GapWatch } from './sealing/gap-watch.ts'
import { LedgerPartition } from './sealing/ledger-partition.ts'
import { StorageReader } from './ledger-reader.ts'
import type { LogWriter } from './log/log-writer.ts'
import { openLog } from './log/open-log.ts'
import { originOf, periodOf } from './origin.ts'
import { formatVkey } from './proof/note.ts'
import type { Signer } from './proof/note.ts'
import type { LedgerReader } from './reader.ts'
import { runLedger } from './sealing/run-ledger.ts'
import type { LedgerStorage, LogStorage } from './storage/storage.ts'
import { verifyLedger } from './verification/verify-ledger.ts'
import type { Verification, VerifyOptions } from './verification/verification.ts'

export interface LedgerOptions {
  readonly storage: LedgerStorage
  readonly operator: string
  readonly environment: string
  readonly topic: string
  readonly partitions: number
  /** Signs every log, under the log's origin as its name. */
  readonly key: SigningKey
  readonly clock: Clock
  readonly logger: Logger
  /** Must be unpredictable: salts come from it. */
  randomBytes(bytes: number): Buffer
  /** The shortest time between two checkpoints of a log. Default 500 ms. */
  readonly checkpointMs?: number
  readonly sealedTopic?: string
  /** Events by which repeats are found, per log. Default 65,536. */
  readonly duplicateWindow?: number
  /**
   * How long an event of a producer may be missing while every partition is read to its end, since it may come by another one. Longer
   * than a producer waits before it repeats a send. Default 15 s.
   */
  readonly gapGraceMs?: number
}

/** Makes the logs of a ledger, one for each partition. */
export async function createLedger(options: LedgerOptions): Promise<void> {
  const { storage, topic, key, clock } = options
  for (let part = 0; part < options.partitions; part++) {
    const origin = originOf({ ...options, part, period: periodOf(clock.nowMs()) })
    const vkey = formatVkey(origin, key.publicKey)
    await createLog(storage, {
      origin,
      topic,
      part,
      vkey,
      previous: null,
      nowUs: clock.nowUs(),
      nextOffset: -1n,
      lastOffset: -1n,
    })
  }
}

/**
 * Opens the ledger as its writer: recovers every log and completes what a crash interrupted. Owns the storage, also when it throws.
 * Nothing is made implicitly: a ledger that is missing, or that was made for other partitions, is refused.
 */
export async function openLedger(options: LedgerOptions): Promise<Ledger> {
  await using opening = new AsyncDisposableStack()
  const storage = opening.use(options.storage)
  const reader = opening.use(new StorageReader(storage))
  const origins = await storage.origins()
  const partitions: LedgerPartition[] = []
  for (let part = 0; part < options.partitions; part++) {
    const prefix = originOf({ ...options, part, period: '' })
    const origin = origins.filter((each) => each.startsWith(prefix)).at(-1)
    if (origin === undefined) throw different(options, part, origins)
    const log = await openWriter(options, origin)
    reader.attach(log.storage)
    const partition = opening.use(
      new LedgerPartition(part, origin.slice(prefix.length), log, {
        topic: options.topic,
        partitions: options.partitions,
        clock: options.clock,
        randomBytes: (bytes) => options.randomBytes(bytes),
        logger: options.logger,
        checkpointMs: options.checkpointMs ?? 500,
        sealedTopic: options.sealedTopic ?? topics.ledgerSealed,
        nextLog: (old) => nextLog(options, reader, part, old),
      }),
    )
    // A log is visible to readers by its first checkpoint; one that a crash left unsigned gets it now.
    await partition.sign()
    partitions.push(partition)
  }
  if (origins.some((origin) => originPart(origin) >= options.partitions)) {
    throw different(options, options.partitions, origins)
  }
  return new Ledger(options, reader, partitions, opening.move())
}

/** An open ledger under its only writer. */
export class Ledger implements AsyncDisposable {
  readonly #options: LedgerOptions
  readonly #reader: StorageReader
  readonly #partitions: readonly LedgerPartition[]
  readonly #owned: AsyncDisposableStack

  constructor(
    options: LedgerOptions,
    reader: StorageReader,
    partitions: readonly LedgerPartition[],
    owned: AsyncDisposableStack,
  ) {
    this.#options = options
    this.#reader = reader
    this.#partitions = partitions
    this.#owned = owned
  }

  get reader(): LedgerReader {
    return this.#reader
  }

  /** Entries that are sealed and durable, over all logs that are written to. */
  get durableEntries(): number {
    return this.#partitions.reduce((sum, { log }) => sum + log.durableSize, 0)
  }

  /** By how many milliseconds the clock is behind the newest entry, see `LedgerPartition`; 0 when it is right. */
  get clockBehindMs(): number {
    return Math.max(...this.#partitions.map(({ clockBehindMs }) => clockBehindMs))
  }

  /** Records on the bus that are not sealed and durable yet. */
  async lag(bus: Bus): Promise<number> {
    let records = 0
    for (const [part, { log }] of this.#partitions.entries()) {
      const { high } = await bus.watermarks(this.#options.topic, part)
      const { nextOffset } = log.storage.entries.last
      records += Number(high - (nextOffset < 0n ? 0n : nextOffset))
    }
    return records
  }

  /**
   * Seals the topic until the signal aborts; then signs and publishes what is left and resolves. Rejects when the ledger must not
   * go on. `gaps` records what is found missing between the producers and here, as the ledger's own events.
   */
  async run(bus: Bus, signal: AbortSignal, gaps: RecordScope | null = null): Promise<void> {
    const { logger, gapGraceMs = 15_000 } = this.#options
    const watch = gaps === null ? null : new GapWatch(gaps, logger, gapGraceMs)
    if (watch !== null) await watch.replay(this.#reader)
    const previous: (LogStorage | null)[] = []
    for (const { log } of this.#partitions) {
      const { genesis, origin } = log.storage
      const before = decodeGenesis(genesis, origin).previous
      previous.push(before === null ? null : (await this.#reader.log(before.log)).storage)
    }
    await runLedger({
      bus,
      signal,
      topic: this.#options.topic,
      partitions: this.#partitions,
      previous,
      watch,
    })
  }

  /** Checks everything that is stored against everything that was signed; see `verifyLedger`. */
  async verify(options: VerifyOptions = {}): Promise<Verification> {
    for (const partition of this.#partitions) await partition.sign()
    return verifyLedger(this.#options.storage, this.#reader, options)
  }

  /**
   * Destroys the data keys of a subject, a session id, in every log. Its payloads are gone for good; chain, tree and proofs stay as
   * they are. Says in how many logs there was something.
   */
  async erase(subject: string): Promise<number> {
    let logs = 0
    for (const { origin } of await this.#reader.logs()) {
      const { storage } = await this.#reader.log(origin)
      if (await storage.payloads.erase(subject)) logs++
    }
    for (const { log } of this.#partitions) log.recent.clear()
    return logs
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#owned.disposeAsync()
  }
}

async function openWriter(options: LedgerOptions, origin: string): Promise<LogWriter> {
  try {
    const storage = await options.storage.openForWriting(origin)
    return await openLog(storage, {
      signer: signerOf(options.key, origin),
      duplicates: new Duplicates(options.duplicateWindow),
    })
  } catch (error) {
    throw withAdvice(error)
  }
}

async function nextLog(
  options: LedgerOptions,
  reader: StorageReader,
  part: number,
  old: LogWriter,
): Promise<LogWriter> {
  const { clock, topic } = options
  const origin = originOf({ ...options, part, period: periodOf(clock.nowMs()) })
  const final = old.signed
  if (final === null) throw new LedgerError('LEDGER_CORRUPT', `${old.origin} was never signed`)
  const { nextOffset, lastOffset } = old.storage.entries.last
  await createLog(options.storage, {
    origin,
    topic,
    part,
    vkey: formatVkey(origin, options.key.publicKey),
    previous: { log: old.origin, checkpoint: final.checkpoint },
    // Ledger time does not go back over the border of a period either.
    nowUs: Math.max(clock.nowUs(), old.batch.rtUs),
    nextOffset,
    lastOffset,
  })
  const log = await openWriter(options, origin)
  reader.attach(log.storage)
  return log
}

function signerOf(key: SigningKey, origin: string): Signer {
  const { publicKey } = key
  const vkey = formatVkey(origin, publicKey)
  return { name: origin, vkey, publicKey, sign: (message) => key.sign(message) }
}

function originPart(origin: string): number {
  return Number(/\/p(\d+)\/[^/]+$/.exec(origin)?.[1] ?? Infinity)
}

function different(options: LedgerOptions, part: number, origins: readonly string[]): LedgerError {
  const wanted = originOf({ ...options, part, period: '' })
  return new LedgerError(
    origins.length === 0 ? 'LEDGER_MISSING' : 'LEDGER_DIFFERENT',
    `this ledger was made for other settings: ${options.partitions} partitions were configured, and for ${wanted} the logs found are ${origins.join(', ') || 'none'}`,
  )
}
