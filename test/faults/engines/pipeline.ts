import assert from 'node:assert/strict'
import { join } from 'node:path'

import { ownContext } from '../../../schemas/event.ts'
import type { Bus } from '../../../services/bus/bus.ts'
import { openRecorder } from '../../../services/edge/capture/spooled-recorder.ts'
import type { SpooledRecorder } from '../../../services/edge/capture/spooled-recorder.ts'
import { startIndexer } from '../../../services/indexer/indexer.ts'
import type { SearchIndex } from '../../../services/indexer/search-index.ts'
import { initLedger, openLedger } from '../../../services/ledger/adapters/files/open.ts'
import type { Ledger } from '../../../services/ledger/ledger.ts'
import { systemClock } from '../../../services/runtime/clock.ts'
import { createLogger } from '../../../services/runtime/logger.ts'
import { key } from '../../services/edge/capture/capture-fixture.ts'
import { ledgerOptions } from '../../support/a-ledger.ts'
import { eventually } from '../../support/demo-stack.ts'
import { HighWater } from './high-water.ts'
import { PacedLoad } from './paced-load.ts'

export const partitions = 4

export interface PipelineOptions {
  /** Empty, for the spools and the ledger. */
  readonly directory: string
  /** Of the edge and of the services: two, as in processes of their own, or the same. */
  readonly edgeBus: Bus
  readonly bus: Bus
  readonly index: SearchIndex
  readonly eventsPerSecond: number
}

const waitMs = 900_000

/**
 * An edge's recorder under load, the ledger and the indexer, on the bus and the index that a test breaks. What they say of their own
 * state goes to standard error at the level FAULT_LOG.
 */
export class Pipeline implements AsyncDisposable {
  readonly recorder: SpooledRecorder
  readonly load: PacedLoad
  readonly ledger: Ledger
  readonly highWater: HighWater
  readonly #bus: Bus
  readonly #index: SearchIndex
  readonly #sealing: Sealing
  readonly #owned: AsyncDisposableStack

  constructor(parts: PipelineParts, owned: AsyncDisposableStack) {
    this.recorder = parts.recorder
    this.ledger = parts.ledger
    this.#bus = parts.bus
    this.#index = parts.index
    this.#sealing = parts.sealing
    this.#owned = owned
    this.load = owned.use(new PacedLoad(parts.recorder, parts.eventsPerSecond))
    this.highWater = owned.use(new HighWater(parts.recorder))
  }

  /** Resolves when the bus has acknowledged and the ledger sealed so many events more. */
  async flows(events = 200): Promise<void> {
    const published = this.recorder.stats().published + events
    const sealed = this.ledger.durableEntries + events
    await this.#until('events to flow', () =>
      Promise.resolve(
        this.recorder.stats().published >= published && this.ledger.durableEntries >= sealed,
      ),
    )
  }

  /** Stops the load; resolves when all of it is published, sealed and indexed, and the ledger has stopped. */
  async finish(): Promise<void> {
    await this.load.stop()
    await this.recorder.published(AbortSignal.timeout(waitMs))
    // Its last events are sealed too.
    await this.recorder[Symbol.asyncDispose]()
    assert.equal(this.recorder.stats().spoolEvents, 0, 'the spool is empty')
    await this.#until(
      'everything to be sealed',
      async () => (await this.ledger.lag(this.#bus)) === 0,
    )
    await this.#sealing.stop()
    await this.#until('everything to be indexed', () => this.#isIndexed())
    // Reading it all for the proof takes memory of its own.
    this.highWater[Symbol.dispose]()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#owned.disposeAsync()
  }

  async #isIndexed(): Promise<boolean> {
    const indexed = new Map((await this.#index.progress()).map((each) => [each.log, each.indexed]))
    const logs = await this.ledger.reader.logs()
    return logs.every(({ origin, size }) => size === 1 || indexed.get(origin) === size)
  }

  /** A ledger that gave up is the answer, not a wait in vain. */
  async #until(what: string, holds: () => Promise<boolean>): Promise<void> {
    const look = async (): Promise<true | null> => {
      // Kafka may be away when it is asked.
      return (await holds().catch(() => false)) ? true : null
    }
    await Promise.race([eventually(what, look, waitMs), this.#sealing.failure])
  }
}

interface PipelineParts {
  readonly recorder: SpooledRecorder
  readonly ledger: Ledger
  readonly bus: Bus
  readonly index: SearchIndex
  readonly sealing: Sealing
  readonly eventsPerSecond: number
}

interface Sealing {
  stop(): Promise<void>
  /** Rejects when the ledger gives up; never resolves. */
  readonly failure: Promise<never>
}

/** Starts it on what is open; disposing it leaves that open. */
export async function startPipeline(options: PipelineOptions): Promise<Pipeline> {
  const { bus, directory, edgeBus, eventsPerSecond, index } = options
  await using undo = new AsyncDisposableStack()
  const logger = createLogger(process.env['FAULT_LOG'] ?? 'silent')
  const settings = await ledgerOptions(directory, { partitions, logger, checkpointMs: 200 })
  await initLedger(settings)
  const ledger = undo.use(await openLedger(settings))
  undo.use(
    startIndexer({
      bus,
      index,
      ledger: ledger.reader,
      logger: logger.child({ part: 'indexer' }),
      signal: new AbortController().signal,
    }),
  )
  const recorderOf = async (producer: string, bus: Bus): Promise<SpooledRecorder> =>
    undo.use(
      await openRecorder({
        producer,
        directory: join(directory, `spool-${producer}`),
        tenant: 'test',
        version: '0',
        key,
        bus,
        clock: systemClock,
        logger: logger.child({ producer }),
      }),
    )
  const own = await recorderOf('ledger', bus)
  const sealing = seal(ledger, bus, own)
  undo.defer(() => sealing.stop())
  const recorder = await recorderOf('edge-1', edgeBus)
  return new Pipeline({ recorder, ledger, bus, index, sealing, eventsPerSecond }, undo.move())
}

/** Seals, and records what it finds missing. Its recorder stops first, so that the last of that is sealed too. */
function seal(ledger: Ledger, bus: Bus, recorder: SpooledRecorder): Sealing {
  const stop = new AbortController()
  const running = ledger.run(bus, stop.signal, recorder.scope(ownContext('test')))
  const failure = new Promise<never>((_, reject) => {
    running.catch(reject)
  })
  failure.catch(() => undefined)
  return {
    failure,
    async stop() {
      if (stop.signal.aborted) return
      stop.abort()
      await running
    },
  }
}
