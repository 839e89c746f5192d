import { ProofError } from './error.ts'
import { hashBytes, nodeHash } from './hash.ts'
import type { HashReader } from './range.ts'
import { rangeHash, split } from './range.ts'

/** The path from the sibling of leaf `index` up to the root of the first `size` leaves (RFC 6962 §2.1.1). */
export async function inclusionPath(
  index: number,
  size: number,
  read: HashReader,
): Promise<Buffer[]> {
  if (!isIndexIn(index, size)) {
    throw new ProofError('PROOF_INPUT_INVALID', `leaf ${index} is not in a tree of ${size} leaves`)
  }
  const path: Buffer[] = []
  let start = 0
  let end = size
  while (end - start > 1) {
    const middle = start + split(end - start)
    if (index < middle) {
      path.push(await rangeHash(middle, end, read))
      end = middle
    } else {
      path.push(await rangeHash(start, middle, read))
      start = middle
    }
  }
  return path.toReversed()
}

/** The root that this path gives for the leaf. Throws `PROOF_INCLUSION_FAILED` when it is not `root` (RFC 9162 §2.1.3.2). */
export function verifyInclusion(
  leaf: Uint8Array,
  index: number,
  size: number,
  path: readonly Uint8Array[],
  root: Uint8Array,
): void {
  if (!isIndexIn(index, size)) {
    throw new ProofError(
      'PROOF_INCLUSION_FAILED',
      `leaf ${index} is not in a tree of ${size} leaves`,
    )
  }
  if (leaf.length !== hashBytes) throw failed()
  let hash: Buffer = Buffer.from(leaf)
  let node = index
  let last = size - 1
  for (const sibling of path) {
    if (last === 0 || sibling.length !== hashBytes) throw failed()
    if (node % 2 === 1 || node === last) {
      hash = nodeHash(sibling, hash)
      while (node % 2 === 0 && node !== 0) {
        node = Math.floor(node / 2)
        last = Math.floor(last / 2)
      }
    } else {
      hash = nodeHash(hash, sibling)
    }
    node = Math.floor(node / 2)
    last = Math.floor(last / 2)
  }
  if (last !== 0 || !hash.equals(root)) throw failed()
}

function failed(): ProofError {
  return new ProofError(
    'PROOF_INCLUSION_FAILED',
    'the path does not lead from the leaf to the root',
  )
}

function isIndexIn(index: number, size: number): boolean {
  return Number.isSafeInteger(index) && Number.isSafeInteger(size) && index >= 0 && index < size
}
