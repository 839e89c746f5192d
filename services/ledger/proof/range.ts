import { emptyRoot, nodeHash } from './hash.ts'

/** Gives the hash of the complete subtree of height `level` that begins at leaf `index` × 2^level. */
export type HashReader = (level: number, index: number) => Buffer | Promise<Buffer>

/** The root of leaves [start, end), where the range is one that RFC 6962 splits into: [0, n) or a right part of it. */
export async function rangeHash(start: number, end: number, read: HashReader): Promise<Buffer> {
  const size = end - start
  if (size === 0) return emptyRoot
  const level = heightOf(size)
  if (level !== null) return read(level, start / size)
  const middle = start + split(size)
  return nodeHash(await rangeHash(start, middle, read), await rangeHash(middle, end, read))
}

/** The height of a complete tree of `size` leaves, null where no complete tree has so many. Exact for every safe integer. */
export function heightOf(size: number): number | null {
  let height = 0
  let width = 1
  while (width < size) {
    width *= 2
    height += 1
  }
  return width === size ? height : null
}

/** The largest power of two below `size`; `size` is at least 2. */
export function split(size: number): number {
  let power = 1
  while (power * 2 < size) power *= 2
  return power
}
