import { Coverage } from './coverage.ts'
import type { FuzzTarget } from './fuzz-target.ts'
import { mutate } from './mutate.ts'
import { Random } from './random.ts'
import type { WatchedInput } from './watched-input.ts'

export interface Finding {
  readonly kind: 'error' | 'slow' | 'hang' | 'memory'
  readonly message: string
  readonly input: Uint8Array
}

export interface LoopResult {
  readonly executions: number
  /** Characters of code that ran. */
  readonly covered: number
  /** The smallest inputs that together run all of it, and come to all that was come to. */
  readonly corpus: readonly Uint8Array[]
  readonly findings: readonly Finding[]
}

export interface LoopOptions {
  readonly target: FuzzTarget
  /** Inputs that were kept; they run first. */
  readonly inputs: readonly Buffer[]
  readonly seconds: number
  readonly seed: number
  /** So many, and it ends. */
  readonly mostFindings: number
  readonly watched: WatchedInput
  readonly progress: (executions: number, covered: number, corpus: number) => void
}

/** Tries mutations of inputs for a time, and goes on from those that run code, or come to something, that no other has. */
export async function fuzzLoop(options: LoopOptions): Promise<LoopResult> {
  using coverage = new Coverage(options.target.covers)
  const loop = new FuzzLoop(options, coverage)
  await loop.run()
  return await loop.result()
}

const batchMs = 25
const progressMs = 15_000
/** A target whose outcomes are without number says nothing by them. */
const mostOutcomes = 500
/** More than this in buffers, after a batch, is a leak or an input that blows up. */
const mostBufferBytes = 512 * 1024 * 1024

class FuzzLoop {
  readonly #options: LoopOptions
  readonly #coverage: Coverage
  readonly #random: Random
  readonly #findings = new Map<string, Finding>()
  readonly #corpus: Buffer[] = []
  readonly #outcomes = new Set<string>()
  #executions = 0

  constructor(options: LoopOptions, coverage: Coverage) {
    this.#options = options
    this.#coverage = coverage
    this.#random = new Random(options.seed)
  }

  async run(): Promise<void> {
    const { target, inputs, seconds, mostFindings, progress } = this.#options
    for (const input of [...target.seeds, ...inputs]) await this.#keepIfNew(input)
    // Something to begin with, also where nothing of the code ran.
    if (this.#corpus.length === 0) this.#corpus.push(Buffer.alloc(0))
    const start = performance.now()
    let nextProgress = start + progressMs
    while (performance.now() < start + seconds * 1000 && this.#findings.size < mostFindings) {
      await this.#batch()
      if (performance.now() < nextProgress) continue
      nextProgress += progressMs
      progress(this.#executions, this.#coverage.size, this.#corpus.length)
    }
  }

  async result(): Promise<LoopResult> {
    const covered = this.#coverage.size
    const executions = this.#executions
    const corpus = await this.#smallest()
    return { executions, covered, corpus, findings: [...this.#findings.values()] }
  }

  async #batch(): Promise<void> {
    const { target } = this.#options
    const tried: Buffer[] = []
    const source = {
      random: this.#random,
      words: target.words,
      maxBytes: target.maxBytes,
      another: () => this.#random.of(this.#corpus),
    }
    const start = performance.now()
    while (performance.now() < start + batchMs) {
      const input = mutate(this.#chosen(), source)
      tried.push(input)
      if (await this.#hasNewOutcome(input)) this.#corpus.push(input)
    }
    const ran = this.#coverage.take()
    if (this.#coverage.hasNew(ran)) {
      for (const input of tried) await this.#keepIfNew(input)
      // What only ran the first time (a cache that was filled) is nobody's.
      this.#coverage.add(ran)
    }
    const { arrayBuffers } = process.memoryUsage()
    if (arrayBuffers > mostBufferBytes) {
      this.#found('memory', `buffers take ${arrayBuffers} bytes`, tried.at(-1) ?? Buffer.alloc(0))
    }
  }

  /** Of the newest inputs more is expected than of the others. */
  #chosen(): Buffer {
    const newest = this.#corpus.slice(-16)
    return this.#random.of(this.#random.below(3) === 0 ? newest : this.#corpus)
  }

  async #keepIfNew(input: Buffer): Promise<void> {
    const hasNewOutcome = await this.#hasNewOutcome(input)
    if (this.#coverage.add(this.#coverage.take()) || hasNewOutcome) this.#corpus.push(input)
  }

  async #hasNewOutcome(input: Buffer): Promise<boolean> {
    const outcome = await this.#try(input)
    if (outcome === null || this.#outcomes.has(outcome) || this.#outcomes.size >= mostOutcomes) {
      return false
    }
    this.#outcomes.add(outcome)
    return true
  }

  async #smallest(): Promise<readonly Buffer[]> {
    this.#coverage.reset()
    this.#outcomes.clear()
    const all = this.#corpus.splice(0).toSorted((a, b) => a.length - b.length)
    for (const input of all) await this.#keepIfNew(input)
    return this.#corpus
  }

  /** What came of it; null where that is a finding. */
  async #try(input: Buffer): Promise<string | null> {
    const { maxMs } = this.#options.target
    try {
      const { outcome, tookMs } = await this.#timed(input)
      let fastest = tookMs
      // The machine may have been busy with something else.
      for (let again = 0; again < 2 && fastest > maxMs; again++) {
        fastest = Math.min(fastest, (await this.#timed(input)).tookMs)
      }
      if (fastest > maxMs) this.#found('slow', `took ${Math.round(fastest)} ms`, input)
      return outcome
    } catch (error) {
      this.#found('error', error instanceof Error ? (error.stack ?? '') : String(error), input)
      return null
    }
  }

  async #timed(input: Buffer): Promise<{ readonly outcome: string; readonly tookMs: number }> {
    const { target, watched } = this.#options
    this.#executions++
    watched.begin(input)
    const start = performance.now()
    const running = target.run(Buffer.from(input))
    const outcome = typeof running === 'string' ? running : await running
    return { outcome, tookMs: performance.now() - start }
  }

  /** One of each kind, by the message and the place it comes from. */
  #found(kind: Finding['kind'], message: string, input: Buffer): void {
    const place = kind === 'error' ? message.split('\n').slice(0, 3).join('\n') : ''
    const key = `${kind} ${place}`
    const known = this.#findings.get(key)
    if (known !== undefined && known.input.length <= input.length) return
    this.#findings.set(key, { kind, message, input: Uint8Array.from(input) })
  }
}
