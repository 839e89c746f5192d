import { isDeepStrictEqual } from 'node:util'

import type { PartHealth } from '../../../runtime/health.ts'
import type { Logger } from '../../../runtime/logger.ts'
import type { Facts } from '../../guard/facts.ts'
import { factsOf } from '../facts.ts'
import type { Grammar } from '../facts/grammar.ts'
import type { Mentions, TargetCode } from '../facts/mentions.ts'
import { KeptSnapshot } from '../snapshot/kept-snapshot.ts'
import type { Reading } from '../snapshot/kept-snapshot.ts'
import type { StatementSubject } from '../statements/statement-policy.ts'
import type { TargetAddress, TargetLogin } from '../target/target-connection.ts'
import { CatalogLook, markOf } from './catalog-mark.ts'
import type { CodeObject } from './code-rows.ts'
import { RoutineCatalog } from './routine-catalog.ts'
import { RecentDefinitions } from './recent-definitions.ts'
import type { Definitions } from './recent-definitions.ts'
import { readRoutines } from './routine-rows.ts'

export interface TargetRoutinesOptions {
  readonly target: TargetAddress & { readonly name: string }
  /** The held role, with the settings that its sessions have: its search_path is theirs. */
  readonly login: TargetLogin
  readonly grammar: Grammar
  readonly logger: Logger
  /** Called with all the code that there is, at each reading. */
  readonly onCode?: (code: readonly CodeObject[]) => void
  /** How often the catalog is read, changed or not. Default 30 s. */
  readonly refreshMs?: number
  /** How often it is looked whether the catalog has changed; less often where that takes long. Default 0.5 s. */
  readonly lookMs?: number
  /** How long a snapshot counts while the target does not answer. Default 15 s. */
  readonly staleMs?: number
  /** How long after a transaction has ended a snapshot is sure to show what it did. Default 5 s. */
  readonly settleMs?: number
}

/**
 * The code of users at one target as its catalog has it now, with what sessions of this edge have defined since. Where it cannot
 * be read, any function may be called by a statement that could call one of them.
 */
export class TargetRoutines {
  readonly #options: TargetRoutinesOptions
  readonly #kept: KeptSnapshot<RoutineCatalog>
  readonly #recent: RecentDefinitions
  readonly #look: CatalogLook
  #mark: string | null = null
  /** Called when the catalog has changed, whoever changed it, with what else hangs on it too: relations, views, triggers. */
  onChanged: () => void = () => undefined
  #code: { readonly catalog: RoutineCatalog; readonly recent: Definitions } | null = null

  constructor(options: TargetRoutinesOptions) {
    const { target, login, logger } = options
    const { refreshMs, lookMs, staleMs = 15_000 } = options
    this.#options = options
    this.#recent = new RecentDefinitions()
    this.#look = new CatalogLook(target, login)
    this.#kept = new KeptSnapshot({
      read: (signal) => this.#read(signal),
      look: (signal) => this.#look.mark(signal),
      isSame: (one, other) => isDeepStrictEqual(one.rows, other.rows),
      onFailure: (error) =>
        logger.error({ err: error, target: target.name }, `${cannotBeRead}: ${anyFunction}`),
      refreshMs,
      lookMs,
      staleMs,
    })
  }

  /** Another object whenever it says something else; null where it cannot be read. */
  get code(): object | null {
    const catalog = this.#kept.current
    const recent = this.#recent.all
    if (catalog === null || recent === null) this.#code = null
    else if (this.#code?.catalog !== catalog || this.#code.recent !== recent) {
      this.#code = { catalog, recent }
    }
    return this.#code
  }

  /** Whether it is known what statements may call, and what to do where it is not. */
  health(): PartHealth {
    const { state } = this.#kept
    if (state !== 'sound') {
      const effect = state === 'missing' ? anyFunction : 'the last ones count for a while'
      return { state: 'degraded', reason: `${cannotBeRead}: ${effect}; ${whatToDo}` }
    }
    if (this.#recent.all === null) {
      const reason = `sessions have defined more functions than are remembered: ${anyFunction} until they have ended their transactions; end those that go on defining`
      return { state: 'degraded', reason }
    }
    return { state: 'ok' }
  }

  /** As the subject's session finds it. */
  codeFor({ database, searchPath }: StatementSubject): TargetCode | null {
    const recent = this.#recent.all
    if (recent === null || database !== this.#options.login.database) return null
    return this.#kept.current?.under(searchPath, recent) ?? null
  }

  /** The subject's session is about to run this. */
  defined(subject: StatementSubject, mentions: Mentions, facts: Facts): void {
    this.#recent.add(subject, mentions, facts)
  }

  /** All that it has defined has taken effect. */
  settled(subject: StatementSubject): void {
    this.ended(subject)
  }

  /** The subject's session has ended, whose last transaction the target may still be at. */
  ended(subject: StatementSubject): void {
    const { settleMs = 5_000 } = this.#options
    this.#recent.ended(subject, performance.now() + settleMs)
  }

  /** The catalog has changed: it is read again at once. */
  refreshNow(): void {
    this.#kept.refreshNow()
  }

  /** Reads the catalog once. Throws `TargetError`. */
  refresh(signal: AbortSignal): Promise<void> {
    return this.#kept.refresh(signal)
  }

  /** Keeps the snapshot fresh until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    await this.#kept.run(signal)
    this.#look.close()
  }

  async #read(signal: AbortSignal): Promise<Reading<RoutineCatalog>> {
    const { target, login, grammar, onCode } = this.#options
    const begunAtMs = performance.now()
    // Before the rows: what changes meanwhile has another mark, and they are read once more.
    const mark = await markOf(target, login, signal)
    if (this.#mark !== null && this.#mark !== mark) this.onChanged()
    this.#mark = mark
    const { rows, code } = await readRoutines(target, login, signal)
    this.#recent.seen(begunAtMs)
    onCode?.(code)
    const value = new RoutineCatalog(rows, (expression) => {
      const result = factsOf(grammar, `SELECT ${expression}`)
      if (!result.ok || result.facts.unknown.length > 0) return { calls: ['*'], types: [] }
      return { calls: result.facts.unlistedFunctions, types: result.mentions.types }
    })
    return { value, mark }
  }
}

const cannotBeRead = 'the functions that users have defined cannot be read'
const anyFunction = 'what may call one of them needs a rule for all functions'
const whatToDo =
  'see that the target answers and lets its held role sign in; the log has what failed'
