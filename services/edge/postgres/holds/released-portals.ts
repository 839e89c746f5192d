import type { BoundParameter } from '../protocol/frontend.ts'
import type { Portal, StatementCache } from '../statements/statements.ts'

/**
 * The portals that run by a grant. The target runs each once: what is executed of it again is the next piece of its answer, which needs
 * no other approval under the same policy, unless code of users may have put something else under its name.
 */
export class ReleasedPortals {
  readonly #cache: Pick<StatementCache, 'policyDigest'>
  /** By their values, which each portal has for itself. */
  readonly #releases = new WeakMap<
    readonly BoundParameter[],
    { readonly reason: string; readonly policyDigest: Buffer }
  >()

  constructor(cache: Pick<StatementCache, 'policyDigest'>) {
    this.#cache = cache
  }

  /** `reason`: by whose approval. */
  note({ parameters }: Portal, reason: string): void {
    this.#releases.set(parameters, { reason, policyDigest: this.#cache.policyDigest })
  }

  /** Why another piece of it may go; null where it may not. */
  reasonFor({ statement, parameters }: Portal): string | null {
    const release = this.#releases.get(parameters)
    if (release === undefined || statement.isDoubtful === true) return null
    if (!release.policyDigest.equals(this.#cache.policyDigest)) return null
    return `goes on: ${release.reason}`
  }
}
