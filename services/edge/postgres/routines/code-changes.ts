import { hash } from 'node:crypto'

import type { EventContext } from '../../../../schemas/event.ts'
import { encodeTargetCodeChange, targetCode } from '../../../../schemas/target-code.ts'
import type { CodeObjectChange } from '../../../../schemas/target-code.ts'
import type { Logger } from '../../../runtime/logger.ts'
import type { Recorder } from '../../capture/recorder.ts'
import type { CodeObject } from './code-rows.ts'

/** What was told last, kept over restarts: what changes while nobody looks is told by the next look. */
export interface ToldCode {
  /** Null: nothing was told yet. */
  read(): Promise<readonly CodeObject[] | null>
  replace(code: readonly CodeObject[]): Promise<void>
}

export interface CodeChangesOptions {
  readonly recorder: Pick<Recorder, 'scope' | 'durable'>
  /** With the target. */
  readonly context: EventContext
  readonly told: ToldCode
  readonly logger: Logger
  /** How long after one event the next one comes at the earliest. Default 1 min. */
  readonly betweenMs?: number
}

type How = CodeObjectChange['how'][number]

interface Change {
  readonly kind: string
  readonly name: string
  readonly how: Set<How>
}

/** As many changes one event names, in so many characters each; of the others it says how many they are. */
const mostNamed = 50
const longestName = 300

/**
 * Records that the code of users at a target has changed, whoever did it: at once, then what follows within a minute as one event, so
 * that a target that makes and drops functions all day fills no spool. An event that cannot be taken is tried again after that time.
 */
export class CodeChanges implements AsyncDisposable {
  readonly #options: CodeChangesOptions
  readonly #betweenMs: number
  /** As it was looked at last; null before the first look where nothing was told before. */
  #code: ReadonlyMap<string, CodeObject> | null
  #toldDigest: Buffer | null
  readonly #changes = new Map<string, Change>()
  #more = 0
  #isUntold = false
  #toldAtMs = -Infinity
  #timer: NodeJS.Timeout | null = null
  #keeping: Promise<void> = Promise.resolve()

  private constructor(options: CodeChangesOptions, told: readonly CodeObject[] | null) {
    this.#options = options
    this.#betweenMs = options.betweenMs ?? 60_000
    this.#code = told && byKey(told)
    this.#toldDigest = told && digestOf(this.#code)
  }

  static async open(options: CodeChangesOptions): Promise<CodeChanges> {
    return new CodeChanges(options, await options.told.read())
  }

  /** All the code that there is now. */
  seen(objects: readonly CodeObject[]): void {
    const before = this.#code
    const now = byKey(objects)
    this.#code = now
    if (before === null) this.#isUntold = true
    else this.#compare(before, now)
    if (this.#isUntold && this.#timer === null) this.#tellWhenDue()
  }

  /** Tells what waits, and resolves when what was told is kept. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer)
    if (this.#isUntold) this.#tell()
    await this.#keeping
  }

  #compare(before: ReadonlyMap<string, CodeObject>, now: ReadonlyMap<string, CodeObject>): void {
    for (const [key, object] of before) if (!now.has(key)) this.#note(key, object, 'removed')
    for (const [key, object] of now) {
      const known = before.get(key)
      if (known === undefined) this.#note(key, object, 'added')
      else if (known.sha256 !== object.sha256) this.#note(key, object, 'changed')
    }
  }

  #note(key: string, { kind, name }: CodeObject, how: How): void {
    this.#isUntold = true
    const known = this.#changes.get(key)
    if (known !== undefined) known.how.add(how)
    else if (this.#changes.size >= mostNamed) this.#more += 1
    else this.#changes.set(key, { kind, name: shortened(name), how: new Set([how]) })
  }

  #tellWhenDue(): void {
    const waitMs = this.#toldAtMs + this.#betweenMs - performance.now()
    if (waitMs <= 0) {
      this.#tell()
      if (!this.#isUntold) return
    }
    this.#timer = setTimeout(
      () => {
        this.#timer = null
        this.#tellWhenDue()
      },
      waitMs <= 0 ? this.#betweenMs : waitMs,
    )
    this.#timer.unref()
  }

  #tell(): void {
    const { recorder, context, logger } = this.#options
    const code = this.#code ?? new Map<string, CodeObject>()
    const digest = digestOf(code)
    const outcome = recorder.scope(context).record({
      type: 'config.changed',
      change: {
        what: targetCode,
        digest,
        previous: this.#toldDigest,
        content: encodeTargetCodeChange({
          objects: code.size,
          changes: [...this.#changes.values()].map((each) => ({ ...each, how: [...each.how] })),
          more: this.#more,
        }),
        event_types: [],
      },
    })
    // The first one tells of no change, and keeps none waiting.
    if (this.#toldDigest !== null || !outcome.ok) this.#toldAtMs = performance.now()
    if (!outcome.ok) {
      const { reason } = outcome
      logger.error({ reason }, 'a change of the code at the target waits to be recorded')
      return
    }
    this.#toldDigest = digest
    this.#changes.clear()
    this.#more = 0
    this.#isUntold = false
    this.#keeping = this.#keeping.then(() => this.#keep([...code.values()]))
  }

  /** After the event is on the disk: what is lost before is told once more by the next start. */
  async #keep(code: readonly CodeObject[]): Promise<void> {
    try {
      await this.#options.recorder.durable()
      await this.#options.told.replace(code)
    } catch (error) {
      this.#options.logger.error(
        { err: error },
        'what was told of the code at the target is not kept',
      )
    }
  }
}

function byKey(code: readonly CodeObject[]): ReadonlyMap<string, CodeObject> {
  return new Map(code.map((object) => [JSON.stringify([object.kind, object.name]), object]))
}

function digestOf(code: ReadonlyMap<string, CodeObject> | null): Buffer {
  const lines = [...(code ?? [])].map(([key, { sha256 }]) => `${key} ${sha256}\n`)
  return hash('sha256', lines.sort().join(''), 'buffer')
}

function shortened(name: string): string {
  return name.length > longestName ? `${name.slice(0, longestName)}…` : name
}
