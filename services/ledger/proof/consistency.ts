import { ProofError } from './error.ts'
import { hashBytes, nodeHash } from './hash.ts'
import type { HashReader } from './range.ts'
import { heightOf, rangeHash, split } from './range.ts'

/** What shows that the first `oldSize` leaves of a tree of `newSize` are those of the older tree (RFC 6962 §2.1.2). */
export async function consistencyPath(
  oldSize: number,
  newSize: number,
  read: HashReader,
): Promise<Buffer[]> {
  requireSizes(oldSize, newSize, 'PROOF_INPUT_INVALID')
  const path: Buffer[] = []
  let start = 0
  let end = newSize
  let isWhole = true
  while (oldSize < end) {
    const middle = start + split(end - start)
    if (oldSize <= middle) {
      path.push(await rangeHash(middle, end, read))
      end = middle
    } else {
      path.push(await rangeHash(start, middle, read))
      start = middle
      isWhole = false
    }
  }
  if (!isWhole) path.push(await rangeHash(start, end, read))
  return path.toReversed()
}

/** Throws `PROOF_CONSISTENCY_FAILED` unless the path shows that the newer tree extends the older one (RFC 9162 §2.1.4.2). */
export function verifyConsistency(
  oldSize: number,
  newSize: number,
  oldRoot: Uint8Array,
  newRoot: Uint8Array,
  path: readonly Uint8Array[],
): void {
  requireSizes(oldSize, newSize, 'PROOF_CONSISTENCY_FAILED')
  if (oldSize === newSize) {
    if (path.length > 0 || !Buffer.from(oldRoot).equals(newRoot)) throw failed()
    return
  }
  // A complete older tree is a subtree of the newer one: the path begins above it.
  const [seed, ...rest] = heightOf(oldSize) === null ? path : [oldRoot, ...path]
  if (seed?.length !== hashBytes) throw failed()
  let node = oldSize - 1
  let last = newSize - 1
  while (node % 2 === 1) {
    node = Math.floor(node / 2)
    last = Math.floor(last / 2)
  }
  let older: Buffer = Buffer.from(seed)
  let newer: Buffer = Buffer.from(seed)
  for (const sibling of rest) {
    if (last === 0 || sibling.length !== hashBytes) throw failed()
    if (node % 2 === 1 || node === last) {
      older = nodeHash(sibling, older)
      newer = nodeHash(sibling, newer)
      while (node % 2 === 0 && node !== 0) {
        node = Math.floor(node / 2)
        last = Math.floor(last / 2)
      }
    } else {
      newer = nodeHash(newer, sibling)
    }
    node = Math.floor(node / 2)
    last = Math.floor(last / 2)
  }
  if (last !== 0 || !older.equals(oldRoot) || !newer.equals(newRoot)) throw failed()
}

function requireSizes(
  oldSize: number,
  newSize: number,
  code: 'PROOF_INPUT_INVALID' | 'PROOF_CONSISTENCY_FAILED',
): void {
  // A tree of no leaves is a prefix of every tree, so a proof from it would show nothing.
  if (
    Number.isSafeInteger(newSize) &&
    Number.isSafeInteger(oldSize) &&
    oldSize > 0 &&
    oldSize <= newSize
  )
    return
  throw new ProofError(code, `there is no consistency proof from ${oldSize} to ${newSize} leaves`)
}

function failed(): ProofError {
  return new ProofError(
    'PROOF_CONSISTENCY_FAILED',
    'the newer tree is not shown to extend the older one',
  )
}
