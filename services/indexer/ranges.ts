import type { Range } from './search-index.ts'

/** What `within` has beyond these positions, which are in order. */
export function rangesBetween(positions: readonly number[], within: Range): readonly Range[] {
  const ranges: Range[] = []
  let next = within.from
  for (const position of positions) {
    if (position > next) ranges.push({ from: next, to: position })
    next = Math.max(next, position + 1)
  }
  if (next < within.to) ranges.push({ from: next, to: within.to })
  return ranges
}

/** Reading a few entries twice costs less than one more read. */
const nearby = 64

/** Ranges close to each other as one. */
export function joined(ranges: readonly Range[]): readonly Range[] {
  const wide: Range[] = []
  for (const { from, to } of ranges) {
    const last = wide.at(-1)
    if (last !== undefined && from - last.to < nearby)
      wide[wide.length - 1] = { from: last.from, to }
    else wide.push({ from, to })
  }
  return wide
}

/** These positions as ranges, each position once, in order. */
export function rangesOf(positions: Iterable<number>): readonly Range[] {
  const ranges: { from: number; to: number }[] = []
  for (const position of [...new Set(positions)].sort((one, other) => one - other)) {
    const last = ranges.at(-1)
    if (last?.to === position) last.to = position + 1
    else ranges.push({ from: position, to: position + 1 })
  }
  return ranges
}

/** The positions in these ranges, in order. */
export function* positionsIn(ranges: readonly Range[]): Generator<number> {
  for (const { from, to } of ranges) for (let at = from; at < to; at++) yield at
}
