import { LRUCache } from 'lru-cache'

import { actionLine, jsonText } from './bulk-body.ts'
import type { BulkOperation, BulkWriter, MakeOperation } from './bulk-writer.ts'
import type { BulkOutcome, DocumentVersion, Refusal } from './bulk-reply.ts'
import { isRecord } from './bulk-reply.ts'
import type { Cluster } from './cluster.ts'
import type { Fold } from './fold.ts'
import type { Source, Timed } from './source.ts'

/** A fold as it was read or written last. */
interface Known<F> {
  readonly fold: F
  readonly version: DocumentVersion
}

/** The document of a fold as it was written last. As a text: thousands of folds as objects would keep the collector busy. */
interface Kept {
  readonly text: string
  readonly version: DocumentVersion
}

/** What is to be written of one fold. */
interface Pending<F> {
  readonly id: string
  readonly events: readonly Timed[]
  /** Whether `known` is from this process's memory: somebody may have deleted what is stored. */
  readonly isRemembered: boolean
  /** Null: nothing is there, as far as we know; undefined: to be read first. */
  known: Known<F> | null | undefined
}

interface Write<F> {
  readonly of: Pending<F>
  readonly fold: F
  readonly operation: MakeOperation
}

export interface Updated<F> {
  readonly fold: F
  readonly events: readonly Timed[]
}

export interface FoldRefusal {
  readonly id: string
  readonly index: string
  readonly source: string
  readonly error: Refusal
  readonly events: readonly Timed[]
}

const maxKept = 10_000
const maxKeptLength = 8_192
const maxRead = 500

/**
 * Reads, changes and writes folds. What was written last and has more to come is kept, bounded, since most statements end soon after
 * they began, and reading what was just written makes the cluster refresh.
 */
export class FoldStore<F> {
  readonly #index: string
  readonly #fold: Fold<F>
  readonly #cluster: Cluster
  readonly #bulk: BulkWriter
  readonly #kept = new LRUCache<string, Kept>({ max: maxKept })

  constructor(index: string, fold: Fold<F>, cluster: Cluster, bulk: BulkWriter) {
    this.#index = index
    this.#fold = fold
    this.#cluster = cluster
    this.#bulk = bulk
  }

  /**
   * Adds events to their folds; resolves when all are durable, with what the folds are now. `isNew` says that a fold is likely not
   * there yet: then it is created without a look, and read only if that fails. `beforehand` sees the folds about to be written.
   */
  async update(
    events: ReadonlyMap<string, readonly Timed[]>,
    isNew: (events: readonly Timed[]) => boolean,
    beforehand: (updates: readonly Updated<F>[]) => Promise<void>,
    signal: AbortSignal,
  ): Promise<{
    readonly updated: readonly Updated<F>[]
    readonly refused: readonly FoldRefusal[]
  }> {
    let pending = [...events].map(([id, events]): Pending<F> => ({
      id,
      events,
      isRemembered: this.#kept.has(id),
      known: this.#remembered(id) ?? (isNew(events) ? null : undefined),
    }))
    const updated: Updated<F>[] = []
    const refused: FoldRefusal[] = []
    while (pending.length > 0) {
      await this.#read(
        pending.filter(({ known }) => known === undefined),
        signal,
      )
      const doubted: Pending<F>[] = []
      const writes: Write<F>[] = []
      for (const each of pending) {
        const before = each.known?.fold ?? null
        const fold = each.events.reduce<F | null>(
          (fold, event) => this.#fold.add(fold, event),
          before,
        )
        if (fold === null) continue
        if (fold === before && each.isRemembered && this.#isTelling(each)) {
          // A repeat: it comes when something is in doubt, so what is stored is looked at.
          doubted.push({ ...each, isRemembered: false, known: undefined })
        } else if (fold === before) updated.push({ fold, events: each.events })
        else writes.push(this.#write(each, fold))
      }
      if (writes.length === 0) {
        pending = doubted
        continue
      }
      await beforehand(writes.map(({ of, fold }) => ({ fold, events: of.events })))
      const outcomes = await this.#bulk.write(
        writes.map(({ operation }) => operation),
        signal,
        'outcome and version',
      )
      pending = doubted
      for (const [at, { of, fold }] of writes.entries()) {
        const outcome = outcomes[at] as BulkOutcome
        switch (outcome.kind) {
          case 'done':
            this.#kept.delete(of.id)
            if (outcome.version !== null && !this.#fold.isWhole(fold)) {
              const text = jsonText(this.#fold.source(fold))
              this.#keep(of.id, { text, version: outcome.version })
            }
            updated.push({ fold, events: of.events })
            break
          case 'conflict':
            this.#kept.delete(of.id)
            pending.push({ ...of, isRemembered: false, known: undefined })
            break
          case 'refused':
            refused.push({
              id: of.id,
              index: this.#index,
              source: jsonText(this.#fold.source(fold)),
              error: outcome.error,
              events: of.events,
            })
        }
      }
    }
    return { updated, refused }
  }

  #isTelling({ events }: Pending<F>): boolean {
    return events.some((event) => this.#fold.isTelling(event))
  }

  async #read(pending: readonly Pending<F>[], signal: AbortSignal): Promise<void> {
    for (let from = 0; from < pending.length; from += maxRead) {
      const some = pending.slice(from, from + maxRead)
      const { body } = await this.#cluster.insist(
        {
          method: 'POST',
          path: `/${this.#index}/_mget`,
          body: { ids: some.map(({ id }) => id) },
        },
        signal,
      )
      const docs = Array.isArray(body['docs']) ? (body['docs'] as unknown[]) : []
      for (const [at, each] of some.entries()) {
        const doc = docs[at]
        each.known =
          isRecord(doc) && doc['found'] === true
            ? {
                fold: this.#fold.parse(doc['_source'] as Source),
                version: {
                  seqNo: Number(doc['_seq_no']),
                  primaryTerm: Number(doc['_primary_term']),
                },
              }
            : null
      }
    }
  }

  #write(of: Pending<F>, fold: F): Write<F> {
    const version = of.known?.version ?? null
    const verb = version === null ? 'create' : 'index'
    const operation = (): BulkOperation => ({
      action: actionLine(verb, this.#index, of.id, version),
      source: this.#fold.source(fold),
    })
    return { of, fold, operation }
  }

  #remembered(id: string): Known<F> | null {
    const kept = this.#kept.get(id)
    if (kept === undefined) return null
    const source = JSON.parse(kept.text) as Source
    return { fold: this.#fold.parse(source), version: kept.version }
  }

  #keep(id: string, kept: Kept): void {
    if (kept.text.length <= maxKeptLength) this.#kept.set(id, kept)
  }
}
