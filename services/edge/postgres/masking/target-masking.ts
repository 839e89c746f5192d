import { setTimeout as pause } from 'node:timers/promises'

import type { PartHealth } from '../../../runtime/health.ts'
import type { Logger } from '../../../runtime/logger.ts'
import type { MaskedColumn } from '../../guard/masking/classification.ts'
import type { Grammar } from '../facts/grammar.ts'
import type { TargetAddress, TargetLogin } from '../target-connection.ts'
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

const leastMs = 1_000

/**
 * The masked columns of one target as its catalog has them now. While the catalog cannot be read the last snapshot counts for as
 * long as it is no older than three refreshes, then none does: without one, nothing that has to be masked is run.
 */
export class TargetMasking {
  readonly key: Uint8Array
  /** Oids are of one database. */
  readonly database: string
  readonly #options: TargetMaskingOptions
  #catalog: MaskCatalog | null = null
  /** Of the last snapshot; before the first, when it was begun. */
  #readAtMs = performance.now()
  #wake: (() => void) | null = null
  /** Whether the last reading failed. */
  #isUnreadable = false
  #isAsked = false
  #isChanged = false
  #wakeChanged: (() => void) | null = null

  constructor(options: TargetMaskingOptions) {
    this.#options = options
    this.key = options.key
    this.database = options.login.database
  }

  /** Another object whenever it was read again; null where it cannot be read. */
  get catalog(): MaskCatalog | null {
    const age = performance.now() - this.#readAtMs
    return age <= 3 * this.#refreshMs ? this.#catalog : null
  }

  /** Whether what has to be masked can be, and whether the target has all that is classified. Names no column. */
  health(): PartHealth {
    const { catalog } = this
    const isYoung = performance.now() - this.#readAtMs <= 3 * this.#refreshMs
    if (catalog === null && (this.#isUnreadable || !isYoung)) {
      const reason = 'the catalog of the target cannot be read: what has to be masked is refused'
      return { state: 'degraded', reason }
    }
    if (this.#isUnreadable) {
      return {
        state: 'degraded',
        reason: 'the catalog of the target cannot be read: the last one counts',
      }
    }
    const missing = catalog?.missing.length ?? 0
    if (missing === 0) return { state: 'ok' }
    return {
      state: 'degraded',
      reason: `the target does not have ${missing} of the classified columns; the log names them`,
    }
  }

  /** An answer showed something that the snapshot does not know: it is read again, within a second. */
  refreshSoon(): void {
    this.#isAsked = true
    this.#wake?.()
  }

  /** The catalog has changed: it is read again at once, or once more when it is being read. */
  refreshNow(): void {
    this.#isChanged = true
    this.#wakeChanged?.()
  }

  /** Reads the catalog once. Throws `TargetError`. */
  async refresh(signal: AbortSignal): Promise<void> {
    const { target, login, columns, grammar, logger } = this.#options
    const startedMs = performance.now()
    const rows = await readCatalog(target, login, signal)
    const catalog = new MaskCatalog(rows, columns, (definition, relations) =>
      projectionOf(grammar, definition.replace(/;\s*$/, ''), relations),
    )
    this.#catalog = catalog
    this.#readAtMs = startedMs
    this.#isUnreadable = false
    if (catalog.missing.length > 0) {
      const missing = catalog.missing.map(({ name }) => name)
      logger.warn(
        { target: target.name, missing },
        'classified columns that the target does not have',
      )
    }
  }

  /** Keeps the snapshot fresh until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { logger, target } = this.#options
    const stopped = new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => resolve(), { once: true })
    })
    for (;;) {
      try {
        this.#isAsked = false
        this.#isChanged = false
        await this.refresh(signal)
      } catch (error) {
        if (isAborted(signal)) return
        this.#isUnreadable = true
        logger.error({ err: error, target: target.name }, 'the catalog for masking cannot be read')
      }
      const timer = new AbortController()
      await Promise.race([
        this.#due(AbortSignal.any([signal, timer.signal])),
        this.#changed(),
        stopped,
      ])
      timer.abort()
      this.#wakeChanged = null
      if (isAborted(signal)) return
    }
  }

  #changed(): Promise<void> {
    if (this.#isChanged) return Promise.resolve()
    return new Promise((resolve) => {
      this.#wakeChanged = resolve
    })
  }

  get #refreshMs(): number {
    return this.#options.refreshMs ?? 30_000
  }

  /** Until it is asked for, and then no sooner than a second after the last time. */
  async #due(signal: AbortSignal): Promise<void> {
    await pause(Math.min(leastMs, this.#refreshMs), undefined, { signal }).catch(() => undefined)
    if (this.#isAsked) return
    const asked = new Promise<void>((resolve) => {
      this.#wake = resolve
    })
    const rest = Math.max(0, this.#refreshMs - leastMs)
    const timer = new AbortController()
    const waited = pause(rest, undefined, { signal: AbortSignal.any([signal, timer.signal]) })
    await Promise.race([asked, waited.catch(() => undefined)])
    timer.abort()
    this.#wake = null
  }
}

// As a call: a condition is not narrowed over an await.
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted
}
