import type { IndexDocument } from '../../documents.ts'
import { actionLine, jsonText } from './bulk-body.ts'
import type { BulkWriter, MakeOperation } from './bulk-writer.ts'
import type { Cluster } from './cluster.ts'
import { KnownContextMembers } from './context-members.ts'
import type { DeadLetter, DeadLetters } from './dead-letters.ts'
import { exactTerm } from './exact-term.ts'
import { orphanId, orphanSource, sessionEventKey, sessionFold, statementFold } from './fold.ts'
import type { SessionFold, StatementFold } from './fold.ts'
import { FoldStore } from './fold-store.ts'
import type { FoldRefusal, Updated } from './fold-store.ts'
import { entryId } from './index-names.ts'
import type { IndexNames } from './index-names.ts'
import { entrySource, timed } from './source.ts'
import type { Timed } from './source.ts'

export interface GenerationOptions {
  readonly cluster: Cluster
  readonly bulk: BulkWriter
  readonly deadLetters: DeadLetters
  readonly names: IndexNames
  readonly generation: number
  readonly nowMs: () => number
}

interface Taken {
  readonly events: readonly Timed[]
  /** Those of them that were there already: then an earlier attempt may have ended anywhere. */
  readonly repeats: ReadonlySet<Timed>
}

/** Writes documents into the indices of one generation. Everything it does may be done again, by anybody, at any time. */
export class Generation {
  readonly number: number
  readonly #options: GenerationOptions
  readonly #statements: FoldStore<StatementFold>
  readonly #sessions: FoldStore<SessionFold>
  /** Indices of entries that are known to exist. */
  readonly #entries = new Set<string>()
  readonly #contexts = new KnownContextMembers()
  /** The last entry of each log that was seen with a time. */
  readonly #lastTimes = new Map<
    string,
    { readonly position: number; readonly occurredUs: number }
  >()
  #hasAliases = false

  constructor(options: GenerationOptions) {
    const { names, generation, cluster, bulk } = options
    this.#options = options
    this.number = generation
    this.#statements = new FoldStore(
      names.statementsIndex(generation),
      statementFold,
      cluster,
      bulk,
    )
    this.#sessions = new FoldStore(names.sessionsIndex(generation), sessionFold, cluster, bulk)
  }

  /** Makes the indices that do not depend on what is written. `withAliases`: this is the generation that answers. */
  async prepare(withAliases: boolean, signal: AbortSignal): Promise<void> {
    const { names } = this.#options
    this.#hasAliases = withAliases
    await this.#create(names.statementsIndex(this.number), names.statements, signal)
    await this.#create(names.sessionsIndex(this.number), names.sessions, signal)
  }

  /** From now on indices are made with their aliases. */
  answers(): void {
    this.#hasAliases = true
  }

  /** Resolves when all documents are durable, in their index or as dead letters. */
  async write(documents: readonly IndexDocument[], signal: AbortSignal): Promise<void> {
    if (documents.length === 0) return
    const taken = await this.#writeEntries(await this.#timed(documents, signal), signal)
    const statements = groupBy(taken.events, ({ statementKey }) => statementKey)
    const sessions = groupBy(taken.events, sessionEventKey)
    await this.#writeStatements(statements, taken.repeats, signal)
    // Whoever sees that a session has ended takes what was written of it for all of it.
    await this.#writeSessions(sessions, signal)
  }

  async #writeEntries(events: readonly Timed[], signal: AbortSignal): Promise<Taken> {
    const { names, bulk, nowMs } = this.#options
    const ms = nowMs()
    const now = { iso: new Date(ms).toISOString(), ms }
    const operations: MakeOperation[] = []
    const indices: string[] = []
    for (const event of events) {
      const { log, position } = event.document
      const index = names.entriesIndex(this.number, log, position)
      if (!this.#entries.has(index)) await this.#makeEntries(index, signal)
      indices.push(index)
      const id = entryId(log, position)
      operations.push(() => ({
        action: actionLine('create', index, id),
        source: entrySource(event, now),
      }))
    }
    const outcomes = await bulk.write(operations, signal)
    const taken: Timed[] = []
    const repeats = new Set<Timed>()
    const letters: DeadLetter[] = []
    for (const [at, event] of events.entries()) {
      const outcome = outcomes[at]
      if (outcome?.kind === 'refused') {
        letters.push({
          document: event.document,
          index: indices[at] ?? '',
          source: jsonText(entrySource(event, now)),
          error: outcome.error,
        })
        continue
      }
      taken.push(event)
      if (outcome?.kind === 'conflict') repeats.add(event)
    }
    await this.#options.deadLetters.put(letters, ms, signal)
    return { events: taken, repeats }
  }

  async #writeStatements(
    events: ReadonlyMap<string, readonly Timed[]>,
    repeats: ReadonlySet<Timed>,
    signal: AbortSignal,
  ): Promise<void> {
    if (events.size === 0) return
    const { updated, refused } = await this.#statements.update(
      events,
      hasReceipt,
      (updates) => this.#writeOrphans(updates, signal),
      signal,
    )
    await this.#deleteOrphans(updated, repeats, signal)
    await this.#putAside(refused, signal)
  }

  async #writeSessions(
    events: ReadonlyMap<string, readonly Timed[]>,
    signal: AbortSignal,
  ): Promise<void> {
    if (events.size === 0) return
    const isNew = (some: readonly Timed[]): boolean =>
      some.some(({ document }) => document.type === 'session.started')
    const { refused } = await this.#sessions.update(events, isNew, () => Promise.resolve(), signal)
    await this.#putAside(refused, signal)
  }

  /**
   * Parts of a statement without receipt are found by themselves. They are written before their fold says so: then whoever brings the
   * receipt knows of them, and whoever lost the race finds the receipt and deletes them.
   */
  async #writeOrphans(
    updates: readonly Updated<StatementFold>[],
    signal: AbortSignal,
  ): Promise<void> {
    const index = this.#options.names.statementsIndex(this.number)
    const operations = updates
      .filter(({ fold }) => fold.received === null)
      .flatMap(({ events }) => events)
      .map((event) => () => ({
        action: actionLine('index', index, orphanId(event)),
        source: orphanSource(event),
      }))
    if (operations.length > 0) await this.#options.bulk.write(operations, signal)
  }

  async #deleteOrphans(
    updated: readonly Updated<StatementFold>[],
    repeats: ReadonlySet<Timed>,
    signal: AbortSignal,
  ): Promise<void> {
    const index = this.#options.names.statementsIndex(this.number)
    const ids = new Set<string>()
    for (const { fold, events } of updated) {
      if (fold.received === null) continue
      for (const id of fold.orphans) ids.add(id)
      for (const event of events) {
        if (repeats.has(event) && event.document.type !== 'request.received') {
          ids.add(orphanId(event))
        }
      }
    }
    if (ids.size === 0) return
    const operations = [...ids].map((id) => () => ({
      action: actionLine('delete', index, id),
      source: null,
    }))
    await this.#options.bulk.write(operations, signal)
  }

  // The entries are found by themselves; what is refused is only what they say together.
  async #putAside(refused: readonly FoldRefusal[], signal: AbortSignal): Promise<void> {
    const { deadLetters, nowMs } = this.#options
    const letters = refused.flatMap(({ index, source, error, events }) =>
      events.map(({ document }) => ({ document, index, source, error })),
    )
    await deadLetters.put(letters, nowMs(), signal)
  }

  /** Bytes that are no event have no time of their own: they stand with the entry before them. */
  async #timed(
    documents: readonly IndexDocument[],
    signal: AbortSignal,
  ): Promise<readonly Timed[]> {
    const inOrder = documents.toSorted((one, other) => one.position - other.position)
    const events: Timed[] = []
    for (const document of inOrder) {
      const occurredUs = document.occurredAtUs ?? (await this.#timeBefore(document, signal))
      events.push(timed(document, occurredUs, this.#contexts.of(document)))
      const { log, position } = document
      this.#lastTimes.set(log, { position, occurredUs })
    }
    return events
  }

  async #timeBefore({ log, position }: IndexDocument, signal: AbortSignal): Promise<number> {
    const last = this.#lastTimes.get(log)
    if (last?.position === position - 1) return last.occurredUs
    const { cluster, names } = this.#options
    const index = `${names.prefix}-entries-${this.number}-*`
    const query = { ignore_unavailable: true, allow_no_indices: true }
    await cluster.insist({ method: 'POST', path: `/${index}/_refresh`, query }, signal)
    const { body } = await cluster.insist(
      {
        method: 'POST',
        path: `/${index}/_search`,
        query: { ...query, allow_partial_search_results: false },
        body: {
          size: 1,
          _source: ['occurred_us', 'position'],
          sort: [{ position: { order: 'desc', unmapped_type: 'long' } }],
          query: {
            bool: {
              filter: [
                { term: { log: exactTerm(log) } },
                { range: { position: { lt: position } } },
              ],
            },
          },
        },
      },
      signal,
    )
    const { hits } = body['hits'] as {
      hits: readonly { _source: { occurred_us: number; position: number } }[]
    }
    const [before] = hits
    // An entry of this very batch is not there yet.
    const isCloser =
      last !== undefined &&
      last.position < position &&
      last.position > (before?._source.position ?? -1)
    return isCloser ? last.occurredUs : (before?._source.occurred_us ?? 0)
  }

  async #makeEntries(index: string, signal: AbortSignal): Promise<void> {
    await this.#create(index, this.#options.names.entries, signal)
    this.#entries.add(index)
  }

  async #create(index: string, alias: string, signal: AbortSignal): Promise<void> {
    const aliases = this.#hasAliases ? { [alias]: {} } : {}
    await this.#options.cluster.createIndex(index, { aliases }, signal)
  }
}

function hasReceipt(events: readonly Timed[]): boolean {
  return events.some(({ document }) => document.type === 'request.received')
}

function groupBy<T>(
  events: readonly T[],
  keyOf: (event: T) => string | null,
): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>()
  for (const event of events) {
    const key = keyOf(event)
    if (key === null) continue
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [event])
    else group.push(event)
  }
  return groups
}
