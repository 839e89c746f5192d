import { Session } from 'node:inspector'
import type { Profiler } from 'node:inspector'

/** The functions that ran, each with a byte per character of its text: 1 where it ran. */
type Ran = ReadonlyMap<string, Uint8Array>

/**
 * What of the code has run in this thread, by the engine's own account of blocks. Asking costs about a millisecond however much
 * ran in between, so it is asked per batch of inputs.
 */
export class Coverage implements Disposable {
  readonly #session = new Session()
  readonly #covers: readonly string[]
  readonly #seen = new Map<string, Uint8Array>()
  #size = 0

  /** `covers`: parts of the paths of files that count. */
  constructor(covers: readonly string[]) {
    this.#covers = covers
    this.#session.connect()
    this.#post('Profiler.enable')
    this.#post('Profiler.startPreciseCoverage', { callCount: true, detailed: true })
  }

  /** Characters of code that have run. */
  get size(): number {
    return this.#size
  }

  /** What has run since the last time. */
  take(): Ran {
    const ran = new Map<string, Uint8Array>()
    const { result } = this.#post('Profiler.takePreciseCoverage') as {
      readonly result: readonly Profiler.ScriptCoverage[]
    }
    for (const { scriptId, url, functions } of result) {
      if (!this.#covers.some((part) => url.includes(part))) continue
      for (const { ranges } of functions) {
        const [whole] = ranges
        if (whole === undefined || whole.count === 0) continue
        const { startOffset: start, endOffset: end } = whole
        ran.set(`${scriptId}:${start}:${end}`, charactersOf(ranges, start, end))
      }
    }
    return ran
  }

  /** Counts what ran; true when some of it never had before. */
  add(ran: Ran): boolean {
    const before = this.#size
    for (const [key, characters] of ran) {
      const seen = this.#seen.get(key) ?? new Uint8Array(characters.length)
      this.#seen.set(key, seen)
      for (let at = 0; at < characters.length; at++) {
        if (characters[at] === 0 || seen[at] === 1) continue
        seen[at] = 1
        this.#size++
      }
    }
    return this.#size > before
  }

  hasNew(ran: Ran): boolean {
    for (const [key, characters] of ran) {
      const seen = this.#seen.get(key)
      if (seen === undefined) return true
      for (let at = 0; at < characters.length; at++) {
        if (characters[at] === 1 && seen[at] === 0) return true
      }
    }
    return false
  }

  /** Forgets what has run. */
  reset(): void {
    this.take()
    this.#seen.clear()
    this.#size = 0
  }

  [Symbol.dispose](): void {
    this.#session.disconnect()
  }

  /** Within one thread the answer is there before `post` returns. */
  #post(method: string, params?: object): unknown {
    let answer: unknown
    this.#session.post(method, params, (error, result) => {
      if (error !== null) throw error
      answer = result
    })
    return answer
  }
}

/** A range inside another says more than that, and comes after it. */
function charactersOf(
  ranges: readonly Profiler.CoverageRange[],
  start: number,
  end: number,
): Uint8Array {
  const characters = new Uint8Array(end - start)
  for (const { startOffset, endOffset, count } of ranges) {
    characters.fill(count > 0 ? 1 : 0, startOffset - start, endOffset - start)
  }
  return characters
}
