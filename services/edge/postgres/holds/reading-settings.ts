import { backend, headerBytes } from '../protocol/message-types.ts'
import { decodeBackend } from '../protocol/backend.ts'
import type { Statement } from '../statements/statements.ts'

/** By them the target reads dates, times and intervals that stand in texts and values. It reports each when it changes. */
const names: ReadonlySet<string> = new Set(['DateStyle', 'IntervalStyle', 'TimeZone'])

/** What they are for a session, as the target last reported. */
export class ReadingSettings {
  readonly #values = new Map<string, string>()
  /** The batch that may have changed one, unless its end has been reported. */
  #changedIn: number | null = null

  /** `statuses`: the ParameterStatus messages of the start, one after the other. */
  constructor(statuses: Buffer) {
    for (let at = 0; at < statuses.length;) {
      const end = at + 1 + statuses.readUInt32BE(at + 1)
      const status = decodeBackend(backend.parameterStatus, statuses, at, end)
      if (status?.type === 'parameter-status') this.note(status.name, status.value)
      at = Math.max(end, at + headerBytes)
    }
  }

  get values(): ReadonlyMap<string, string> {
    return this.#values
  }

  /** False while something was sent that may change one and whose end is not reported yet. */
  get areKnown(): boolean {
    return this.#changedIn === null
  }

  note(name: string, value: string): void {
    if (names.has(name)) this.#values.set(name, value)
  }

  /** The statement goes out. */
  afterwards({ verdict: { operation, runsCodeOfUsers } }: Statement, batch: number): void {
    const sets = operation.split(',').some((kind) => setting.has(kind))
    if (sets || runsCodeOfUsers) this.#changedIn = batch
  }

  /** ReadyForQuery, with whatever was reported before it. */
  reported(batch: number): void {
    if (this.#changedIn !== null && batch >= this.#changedIn) this.#changedIn = null
  }
}

// What ends a transaction ends its SET LOCAL.
const setting: ReadonlySet<string> = new Set(['set', 'reset', 'discard', 'commit', 'rollback'])
