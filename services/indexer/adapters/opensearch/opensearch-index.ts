import type { IndexDocument } from '../../documents.ts'
import type { IndexProgress, Query } from '../../query.ts'
import { IndexError } from '../../search-index.ts'
import type {
  AppliedProgress,
  IndexCounts,
  IndexRebuild,
  Range,
  SearchIndex,
} from '../../search-index.ts'
import type { Logger } from '../../../runtime/logger.ts'
import { backOff } from './backoff.ts'
import { BulkWriter } from './bulk-writer.ts'
import { Cluster } from './cluster.ts'
import { Concurrency } from '../../concurrency.ts'
import { DeadLetters } from './dead-letters.ts'
import { Gate } from './gate.ts'
import { Generation } from './generation.ts'
import { IndexNames } from './index-names.ts'
import { Indices } from './indices.ts'
import { findMissing } from './missing.ts'
import { OpenSearchQuery } from './opensearch-query.ts'
import { provision } from './provision.ts'
import { advanced, emptyState, offsetIn, StateStore } from './state-store.ts'
import type { IndexState } from './state-store.ts'
import { schemaVersion } from './templates.ts'

export interface OpenSearchOptions {
  /** `http://` or `https://` addresses. */
  readonly nodes: readonly string[]
  readonly username: string | null
  readonly password: string | null
  /** PEM of the authority that signed the nodes' certificates, null for those the system trusts. */
  readonly ca: string | null
  /** Begins every name in OpenSearch, and is the alias of the entries. */
  readonly prefix: string
  readonly logger: Logger
}

/** One bulk request of entries: partitions are read side by side, and what waits for its turn is in the memory. */
const batchSize = 2_000

/**
 * The search index in OpenSearch, with its questions. Several processes may apply to it, each its own partitions. OpenSearch has no
 * transactions: documents are written first, each of them idempotent, then the progress they stand for, in one document that is replaced
 * as a whole. A crash between the two leaves documents that the next attempt finds in place. Questions see what was applied a refresh
 * later (2 s), or after `refresh`.
 */
export class OpenSearchIndex implements SearchIndex {
  readonly batchSize = batchSize
  readonly query: Query
  readonly #parts: Parts
  readonly #gate = new Gate()
  readonly #closing = new AbortController()
  #current: Generation
  #rebuilding: OpenSearchRebuild | null = null

  private constructor(parts: Parts, current: Generation) {
    this.#parts = parts
    this.#current = current
    this.query = new OpenSearchQuery(parts.cluster, parts.names)
  }

  /**
   * Makes what is missing in the cluster. Waits for a cluster that does not answer until the signal aborts. Throws `INDEX_NEWER` when a
   * newer program has been here; an index of an older one is begun anew.
   */
  static async open(options: OpenSearchOptions, signal?: AbortSignal): Promise<OpenSearchIndex> {
    const names = new IndexNames(options.prefix)
    const waiting = signal ?? new AbortController().signal
    await using undo = new AsyncDisposableStack()
    const cluster = undo.use(new Cluster(options))
    const { logger } = options
    const bulk = new BulkWriter({
      send: (lines, wanted, signal) => cluster.bulk(lines, wanted, signal),
      concurrency: new Concurrency(2, 4 * options.nodes.length),
      pause: backOff,
      logger,
    })
    const parts: Parts = {
      cluster,
      names,
      bulk,
      logger,
      deadLetters: new DeadLetters(names.deadLetters, bulk, logger),
      state: new StateStore(names.state, cluster),
      indices: new Indices(cluster, names, logger),
    }
    await provision(cluster, names, waiting)
    const state = await openState(parts.state, names, waiting)
    const current = generationOf(parts, state.generation)
    await current.prepare(true, waiting)
    await parts.indices.answerFrom(state.generation, waiting)
    await parts.indices.deleteBefore(state.generation, waiting)
    undo.move()
    return new OpenSearchIndex(parts, current)
  }

  get counts(): IndexCounts {
    return { deadLetters: this.#parts.deadLetters.count, retries: this.#parts.bulk.retries }
  }

  apply(
    documents: readonly IndexDocument[],
    progress: AppliedProgress,
    signal?: AbortSignal,
  ): Promise<void> {
    return this.#work(signal, (either) =>
      this.#gate.shared(async () => {
        const generation = this.#current
        await generation.write(documents, either)
        await this.#advance(generation, progress, either)
      }),
    )
  }

  async offset(topic: string, partition: number): Promise<bigint | null> {
    return offsetIn(await this.#state(), topic, partition)
  }

  /** As this process knows it: another one's progress in the same log shows no later than this one's next. */
  async progress(): Promise<readonly IndexProgress[]> {
    return this.#parts.state.known?.logs ?? (await this.#state()).logs
  }

  missing(log: string, from: number, to: number, signal?: AbortSignal): Promise<readonly Range[]> {
    return this.#work(signal, async (either) => {
      const { cluster, names, indices } = this.#parts
      const generation = this.#current.number
      // An index that somebody deleted is made anew by the next write, without its alias.
      await indices.answerFrom(generation, either)
      await indices.refresh(generation, either)
      return await findMissing({ cluster, names, generation, signal: either }, log, { from, to })
    })
  }

  /** Resolves when questions see everything that was applied. */
  refresh(): Promise<void> {
    return this.#work(undefined, (signal) =>
      this.#parts.indices.refresh(this.#current.number, signal),
    )
  }

  reset(): Promise<void> {
    return this.#work(undefined, (signal) =>
      this.#gate.alone(async () => {
        const { state, indices } = this.#parts
        const next = await this.#begin(signal)
        await indices.answerFrom(next.number, signal)
        await state.change(({ newest }) => ({ ...emptyState(next.number), newest }), signal)
        await this.#replace(next, signal)
      }),
    )
  }

  beginRebuild(): Promise<IndexRebuild> {
    return this.#work(undefined, async (signal) => {
      if (this.#rebuilding !== null) {
        throw new IndexError('INDEX_REBUILDING', 'the index is being rebuilt already')
      }
      const ends: RebuildEnds = {
        swap: (rebuild, catchUp) =>
          this.#work(undefined, (signal) =>
            this.#gate.alone(() => this.#swap(rebuild, catchUp, signal)),
          ),
        drop: (generation) => this.#parts.indices.deleteOf(generation, this.#closing.signal),
        end: () => {
          this.#rebuilding = null
        },
      }
      // Claimed before anything is awaited: one at a time.
      const rebuild = new OpenSearchRebuild(ends, this.#closing.signal)
      this.#rebuilding = rebuild
      try {
        rebuild.begin(await this.#begin(signal))
        return rebuild
      } catch (error) {
        this.#rebuilding = null
        throw error
      }
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closing.signal.aborted) return
    await this.#rebuilding?.[Symbol.asyncDispose]()
    this.#closing.abort(closed())
    await this.#gate.alone(() => Promise.resolve())
    await this.#parts.cluster[Symbol.asyncDispose]()
  }

  async #state(): Promise<IndexState> {
    return await this.#work(undefined, async (signal) => {
      const state = await this.#parts.state.read(signal)
      return state ?? emptyState(this.#current.number)
    })
  }

  /** A generation that nobody else has, without aliases. */
  async #begin(signal: AbortSignal): Promise<Generation> {
    const { newest } = await this.#parts.state.change(
      (state) => ({ ...state, newest: state.newest + 1 }),
      signal,
    )
    const next = generationOf(this.#parts, newest)
    await next.prepare(false, signal)
    return next
  }

  async #advance(
    generation: Generation,
    progress: AppliedProgress,
    signal: AbortSignal,
  ): Promise<void> {
    const { state } = this.#parts
    let there = generation.number
    await state.change((known) => {
      there = known.generation
      return there === generation.number ? advanced(known, progress) : null
    }, signal)
    if (there === generation.number) return
    // Another process has put a rebuilt index in this one's place. What was written here is gone with the old one.
    if (this.#current === generation) {
      this.#current = generationOf(this.#parts, there)
      await this.#current.prepare(true, signal)
      await this.#parts.indices.answerFrom(there, signal)
    }
    throw new IndexError(
      'INDEX_FAILED',
      'another process has put a rebuilt index in the place of this one: applied again, the documents go there',
    )
  }

  async #swap(
    rebuild: OpenSearchRebuild,
    catchUp: (old: readonly IndexProgress[]) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    const { state, indices } = this.#parts
    const next = rebuild.generation
    // Another process may be applying to the old one: then it is asked again how far that has come.
    for (let isMoved = false; ;) {
      const old = await state.read(signal)
      if (old === null || old.generation > next.number) {
        throw new IndexError(
          'INDEX_FAILED',
          'another process has reset or rebuilt the index meanwhile: this rebuild is of no use any more',
        )
      }
      if (old.generation === next.number) break
      try {
        await catchUp(old.logs)
        await indices.refresh(next.number, signal)
        // Before it counts: if it cannot be asked, the old one goes on.
        await indices.answerFrom(next.number, signal)
        isMoved = true
        const swapped = { ...old, generation: next.number, logs: rebuild.logs }
        if (await state.replace(swapped, signal)) break
      } catch (error) {
        if (isMoved) await indices.answerFrom(old.generation, signal)
        throw error
      }
    }
    await this.#replace(next, signal)
  }

  async #replace(next: Generation, signal: AbortSignal): Promise<void> {
    const { indices } = this.#parts
    this.#current = next
    next.answers()
    await indices.answerFrom(next.number, signal)
    await indices.deleteBefore(next.number, signal)
  }

  async #work<T>(
    given: AbortSignal | undefined,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const closing = this.#closing.signal
    if (closing.aborted) throw closed()
    const signal = given === undefined ? closing : AbortSignal.any([closing, given])
    return await work(signal)
  }
}

interface Parts {
  readonly cluster: Cluster
  readonly names: IndexNames
  readonly bulk: BulkWriter
  readonly deadLetters: DeadLetters
  readonly state: StateStore
  readonly indices: Indices
  readonly logger: Logger
}

interface RebuildEnds {
  swap(
    rebuild: OpenSearchRebuild,
    catchUp: (old: readonly IndexProgress[]) => Promise<void>,
  ): Promise<void>
  drop(generation: number): Promise<void>
  end(): void
}

/** A generation that nobody asks yet. Its progress is kept here: it counts from the moment of the swap. */
class OpenSearchRebuild implements IndexRebuild {
  /** Two bulk requests side by side, since batches come one after the other. */
  readonly batchSize = 2 * batchSize
  readonly #ends: RebuildEnds
  readonly #signal: AbortSignal
  #generation: Generation | null = null
  #state = emptyState(0)
  #isOver = false

  constructor(ends: RebuildEnds, signal: AbortSignal) {
    this.#ends = ends
    this.#signal = signal
  }

  get generation(): Generation {
    if (this.#generation === null) throw closed()
    return this.#generation
  }

  get logs(): readonly IndexProgress[] {
    return this.#state.logs
  }

  begin(generation: Generation): void {
    this.#generation = generation
  }

  async apply(
    documents: readonly IndexDocument[],
    progress: AppliedProgress,
    signal?: AbortSignal,
  ): Promise<void> {
    if (this.#isOver) throw closed()
    const either = signal === undefined ? this.#signal : AbortSignal.any([this.#signal, signal])
    await this.generation.write(documents, either)
    this.#state = advanced(this.#state, { logs: progress.logs }) ?? this.#state
  }

  async swap(catchUp: (old: readonly IndexProgress[]) => Promise<void>): Promise<void> {
    await this.#ends.swap(this, catchUp)
    this.#isOver = true
    this.#ends.end()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isOver) return
    this.#isOver = true
    this.#ends.end()
    if (this.#generation !== null) await this.#ends.drop(this.#generation.number)
  }
}

function generationOf(parts: Parts, generation: number): Generation {
  return new Generation({ ...parts, generation, nowMs: () => Date.now() })
}

/** The state, begun where there is none. One of an older mapping is left behind with its generation: everything is indexed again. */
async function openState(
  store: StateStore,
  names: IndexNames,
  signal: AbortSignal,
): Promise<IndexState> {
  for (;;) {
    const known = await store.read(signal)
    if (known !== null && known.schema > schemaVersion) {
      throw new IndexError(
        'INDEX_NEWER',
        `the index ${names.prefix} in OpenSearch was filled by a newer program (version ${known.schema}, this one knows ${schemaVersion}): start that one, or use another prefix`,
      )
    }
    if (known?.schema === schemaVersion) return known
    const next = emptyState(known === null ? 1 : known.newest + 1)
    if (await store.replace(next, signal)) return next
  }
}

function closed(): IndexError {
  return new IndexError('INDEX_CLOSED', 'the index is closed')
}
