import { sha256 } from './hashing.ts'

const leafPrefix = Uint8Array.of(0)
const nodePrefix = Uint8Array.of(1)

/** RFC 6962 §2.1 */
export function leafHashOf(leaf: Uint8Array): Promise<Uint8Array> {
  return sha256(leafPrefix, leaf)
}

/**
 * The root that this path leads to from leaf `index` of `size` (RFC 9162 §2.1.3.2), or null when a path of this length cannot belong to
 * that leaf. Division, not shifts: positions may be larger than 32 bits.
 */
export async function inclusionRoot(
  leafHash: Uint8Array,
  index: number,
  size: number,
  path: readonly Uint8Array[],
): Promise<Uint8Array | null> {
  if (!Number.isSafeInteger(index) || !Number.isSafeInteger(size)) return null
  if (index < 0 || index >= size) return null
  let hash = leafHash
  let node = index
  let last = size - 1
  for (const sibling of path) {
    if (last === 0 || sibling.length !== leafHash.length) return null
    if (node % 2 === 1 || node === last) {
      hash = await sha256(nodePrefix, sibling, hash)
      while (node % 2 === 0 && node !== 0) {
        node = Math.floor(node / 2)
        last = Math.floor(last / 2)
      }
    } else {
      hash = await sha256(nodePrefix, hash, sibling)
    }
    node = Math.floor(node / 2)
    last = Math.floor(last / 2)
  }
  return last === 0 ? hash : null
}
