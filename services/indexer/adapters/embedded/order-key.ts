import type { DatabaseSync } from 'node:sqlite'

/**
 * Row ids in the order of time: microseconds × 1024 + a number among the events of that microsecond. A row id is 63 bits, so times
 * reach the year 2112; later and earlier ones, which only a wrong clock says, stand at the border.
 */
const slots = 1024n
const borderUs = 2 ** 52
/** By how much a row can stand after its time: beyond 1024 events in a microsecond they take the places after it. */
const overflowUs = 1_000_000

export class OrderKeys {
  readonly #newest

  constructor(db: DatabaseSync) {
    this.#newest = db.prepare('SELECT max(id) AS id FROM event WHERE id >= ? AND id < ?')
    this.#newest.setReadBigInts(true)
  }

  /** A free id for an event of this time. The caller inserts it before it asks again. */
  next(occurredUs: number): bigint {
    const from = firstKeyOf(occurredUs)
    const free = this.#freeIn(from, from + slots)
    if (free !== null) return free
    for (let window = slots * 1000n; ; window *= 1000n) {
      const after = this.#freeIn(from, from + window)
      if (after !== null) return after
    }
  }

  #freeIn(from: bigint, to: bigint): bigint | null {
    const newest = this.#newest.get(from, to)?.['id']
    if (typeof newest !== 'bigint') return from
    return newest + 1n < to ? newest + 1n : null
  }
}

function firstKeyOf(us: number): bigint {
  return BigInt(Math.min(Math.max(us, -borderUs), borderUs)) * slots
}

/** Ids that events of [fromUs, toUs) can have; some of them belong to a time a little before `toUs`. */
export function keyRange(fromUs: number | null, toUs: number | null): { from: bigint; to: bigint } {
  return {
    from: firstKeyOf(fromUs ?? -borderUs),
    to: toUs === null ? 2n ** 63n - 1n : firstKeyOf(toUs) + BigInt(overflowUs) * slots,
  }
}
