import type { PopulationEvent } from '../population-row.ts'

/** Times are microseconds. */
export interface Silence {
  readonly fromUs: number
  readonly toUs: number
  /** The entry that ended it; empty where nothing did. */
  readonly at: string
}

/** One word of the producer. */
interface Word {
  readonly us: number
  readonly seq: number
  readonly type: string
  readonly log: string
  readonly position: number
}

/**
 * When one producer was heard of. Its events stand in several logs, which are read one after the other: what lies between two of them
 * shows only when all have been heard.
 */
export class Silences {
  readonly #words: Word[] = []
  /** Of the time before the period only the last counts, and what it says only by the one before it. */
  #before: readonly Word[] = []

  /** By the leaf alone, so one whose payload was erased is still heard. */
  hear({ log, position, leaf }: PopulationEvent, us: number, fromUs: number): void {
    const word = { us, seq: leaf.pseq, type: leaf.ix.type, log, position }
    if (us >= fromUs) this.#words.push(word)
    else this.#before = [...this.#before, word].sort(inOrder).slice(-2)
  }

  /** Those of the period, [fromUs, endUs), in which the producer had not said that it stops. */
  *between(fromUs: number, endUs: number): Generator<Silence> {
    let lastUs: number | null = null
    let isStopped = false
    for (const { us, type, log, position } of [...this.#before, ...this.#words.sort(inOrder)]) {
      if (lastUs !== null && !isStopped && us > fromUs) {
        yield { fromUs: Math.max(lastUs, fromUs), toUs: us, at: `${log}:${position}` }
      }
      lastUs = us
      // It signs once more after it said that it stops.
      isStopped = type === 'edge.stopped' || (isStopped && type === 'edge.sealed')
    }
    // It was running, or dead, until the end.
    if (lastUs !== null && !isStopped && endUs > lastUs) {
      yield { fromUs: Math.max(lastUs, fromUs), toUs: endUs, at: '' }
    }
  }
}

function inOrder(one: Word, other: Word): number {
  return one.us - other.us || one.seq - other.seq
}
