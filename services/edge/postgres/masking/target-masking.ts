import type { PartHealth } from '../../../runtime/health.ts'
import type { Logger } from '../../../runtime/logger.ts'
import type { MaskedColumn } from '../../guard/masking/classification.ts'
import type { Facts } from '../../guard/facts.ts'
import type { Grammar } from '../facts/grammar.ts'
import type { Mentions } from '../facts/mentions.ts'
import { RecentDefinitions } from '../routines/recent-definitions.ts'
import type { Definitions } from '../routines/recent-definitions.ts'
import { KeptSnapshot } from '../snapshot/kept-snapshot.ts'
import type { StatementSubject } from '../statements/statement-policy.ts'
import type { TargetAddress, TargetLogin } from '../target/target-connection.ts'
import { MaskCatalog } from './catalog.ts'
import { readCatalog } from './catalog-rows.ts'
import { projectionOf } from './projection.ts'

export interface TargetMaskingOptions {
  readonly target: TargetAddress & { readonly name: string }
  /** The held role; it needs no more than every role may read. */
  readonly login: TargetLogin
  readonly columns: readonly MaskedColumn[]
  /** Keys the tokens: 32 to 64 bytes. */
  readonly key: Uint8Array
  readonly grammar: Grammar
  readonly logger: Logger
  /** How old a snapshot of the catalog may become. Default 30 s. */
  readonly refreshMs?: number
}

/**
 * The masked columns of one target as its catalog has them now. Where the catalog cannot be read, nothing that has to be masked is
 * run.
 */
export class TargetMasking {
  readonly key: Uint8Array
  /** Oids are of one database. */
  readonly database: string
  readonly #options: TargetMaskingOptions
  readonly #kept: KeptSnapshot<ReadCatalog>
  readonly #recent = new RecentDefinitions()
  #catalog: {
    readonly of: MaskCatalog
    readonly recent: Definitions
    readonly is: MaskCatalog
  } | null = null

  constructor(options: TargetMaskingOptions) {
    const { target, logger, refreshMs } = options
    this.#options = options
    this.key = options.key
    this.database = options.login.database
    this.#kept = new KeptSnapshot({
      read: async (signal) => {
        const begunAtMs = performance.now()
        return { value: { begunAtMs, catalog: await this.#read(signal) } }
      },
      onFailure: (error) =>
        logger.error({ err: error, target: target.name }, 'the catalog for masking cannot be read'),
      refreshMs,
    })
  }

  /** Another object whenever it says something else; null where it cannot be read. */
  get catalog(): MaskCatalog | null {
    const { current } = this.#kept
    if (current === null) return null
    this.#recent.seen(current.begunAtMs)
    const recent = this.#recent.all
    if (recent === null) return null
    const { catalog } = current
    if (this.#catalog?.of !== catalog || this.#catalog.recent !== recent) {
      this.#catalog = { of: catalog, recent, is: catalog.besides(recent) }
    }
    return this.#catalog.is
  }

  /** Whether what has to be masked can be, and whether the target has all that is classified. Names no column. */
  health(): PartHealth {
    const { state } = this.#kept
    if (state !== 'sound') {
      const effect =
        state === 'missing' ? 'what has to be masked is refused' : 'the last one counts'
      return {
        state: 'degraded',
        reason: `the catalog of the target cannot be read: ${effect}`,
      }
    }
    const missing = this.#kept.current?.catalog.missing.length ?? 0
    if (missing === 0) return { state: 'ok' }
    return {
      state: 'degraded',
      reason: `the target does not have ${missing} of the classified columns; the log names them`,
    }
  }

  /** An answer showed something that the snapshot does not know: it is read again, within a second. */
  refreshSoon(): void {
    this.#kept.refreshSoon()
  }

  /** The subject's session is about to run this. */
  defined(subject: StatementSubject, mentions: Mentions, facts: Facts): void {
    this.#recent.add(subject, mentions, facts)
  }

  /** All that it has defined has taken effect. */
  settled(subject: StatementSubject): void {
    this.#recent.ended(subject, performance.now())
  }

  /** The catalog has changed: it is read again at once, or once more when it is being read. */
  refreshNow(): void {
    this.#kept.refreshNow()
  }

  /** The subject's session has ended, whose last transaction the target may still be at. */
  ended(subject: StatementSubject): void {
    this.#recent.ended(subject, performance.now() + settleMs)
  }

  /** Reads the catalog once. Throws `TargetError`. */
  refresh(signal: AbortSignal): Promise<void> {
    return this.#kept.refresh(signal)
  }

  /** Keeps the snapshot fresh until the signal aborts. */
  run(signal: AbortSignal): Promise<void> {
    return this.#kept.run(signal)
  }

  async #read(signal: AbortSignal): Promise<MaskCatalog> {
    const { target, login, columns, grammar, logger } = this.#options
    const rows = await readCatalog(target, login, signal)
    const catalog = new MaskCatalog(rows, columns, (definition, relations) =>
      projectionOf(grammar, definition.replace(/;\s*$/, ''), relations),
    )
    if (catalog.missing.length > 0) {
      const missing = catalog.missing.map(({ name }) => name)
      logger.warn(
        { target: target.name, missing },
        'classified columns that the target does not have',
      )
    }
    return catalog
  }
}

interface ReadCatalog {
  readonly catalog: MaskCatalog
  readonly begunAtMs: number
}

const settleMs = 5_000
