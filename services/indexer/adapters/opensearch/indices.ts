import type { Logger } from '../../../runtime/logger.ts'
import { IndexError } from '../../search-index.ts'
import { isRecord } from './bulk-reply.ts'
import { ClusterError } from './cluster.ts'
import type { Cluster } from './cluster.ts'
import type { IndexNames } from './index-names.ts'

/** The indices of the generations, and the aliases that say which of them answers. */
export class Indices {
  readonly #cluster: Cluster
  readonly #names: IndexNames
  readonly #logger: Logger

  constructor(cluster: Cluster, names: IndexNames, logger: Logger) {
    this.#cluster = cluster
    this.#names = names
    this.#logger = logger
  }

  /** Moves the aliases to this generation, all at once. Throws `INDEX_FAILED` where entries are immutable: then nothing was moved. */
  async answerFrom(generation: number, signal: AbortSignal): Promise<void> {
    const actions: object[] = []
    for (const [index, aliases] of await this.#all(signal)) {
      const alias = this.#aliasOf(index)
      const isAnswering = this.#names.generationOf(index) === generation
      if (isAnswering === aliases.has(alias)) continue
      actions.push({ [isAnswering ? 'add' : 'remove']: { index, alias } })
    }
    if (actions.length === 0) return
    try {
      await this.#cluster.insist({ method: 'POST', path: '/_aliases', body: { actions } }, signal)
    } catch (cause) {
      if (!(cause instanceof IndexError)) throw cause
      throw new IndexError(
        'INDEX_FAILED',
        `the aliases of ${this.#names.prefix} were not moved to other indices (${cause.message}): where entries are immutable, take them out of plugins.security.compliance.immutable_indices first`,
        { cause },
      )
    }
  }

  async refresh(generation: number, signal: AbortSignal): Promise<void> {
    const all = await this.#all(signal)
    const own = [...all.keys()].filter((index) => this.#names.generationOf(index) === generation)
    if (own.length === 0) return
    await this.#cluster.insist({ method: 'POST', path: `/${own.join(',')}/_refresh` }, signal)
  }

  async deleteBefore(generation: number, signal: AbortSignal): Promise<void> {
    await this.#delete((each) => each < generation, signal)
  }

  async deleteOf(generation: number, signal: AbortSignal): Promise<void> {
    await this.#delete((each) => each === generation, signal)
  }

  async #delete(isOld: (generation: number) => boolean, signal: AbortSignal): Promise<void> {
    const old = [...(await this.#all(signal)).keys()].filter((index) => {
      const generation = this.#names.generationOf(index)
      return generation !== null && isOld(generation)
    })
    await Promise.all(old.map((index) => this.#deleteOne(index, signal)))
  }

  async #deleteOne(index: string, signal: AbortSignal): Promise<void> {
    try {
      await this.#cluster.ask({ method: 'DELETE', path: `/${index}`, expected: [404] }, signal)
    } catch (error) {
      // Immutable indices can be deleted by an administrator only, and an index that is left over answers nobody.
      const { status, type } = error instanceof ClusterError ? error : { status: 0, type: '' }
      this.#logger.warn(
        { index, status, type },
        'an index that is of no use any more was not deleted',
      )
    }
  }

  /** Every index of ours that has a generation, with its aliases. */
  async #all(signal: AbortSignal): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
    const { prefix, statements, sessions } = this.#names
    const { body } = await this.#cluster.insist(
      {
        method: 'GET',
        path: `/${prefix}-entries-*,${statements}-*,${sessions}-*/_alias`,
        query: { ignore_unavailable: true, allow_no_indices: true, expand_wildcards: 'all' },
      },
      signal,
    )
    const all = new Map<string, ReadonlySet<string>>()
    for (const [index, entry] of Object.entries(body)) {
      if (this.#names.generationOf(index) === null) continue
      const aliases = isRecord(entry) && isRecord(entry['aliases']) ? entry['aliases'] : {}
      all.set(index, new Set(Object.keys(aliases)))
    }
    return all
  }

  #aliasOf(index: string): string {
    const { statements, sessions, entries } = this.#names
    if (index.startsWith(`${statements}-`)) return statements
    return index.startsWith(`${sessions}-`) ? sessions : entries
  }
}
