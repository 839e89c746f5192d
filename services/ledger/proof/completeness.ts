import { ProofError } from './error.ts'
import { hashBytes, nodeHash } from './hash.ts'
import type { HashReader } from './range.ts'
import { MerkleTree, setBits } from './tree.ts'

/**
 * That a window [from, to) of a log is whole: the roots of the complete subtrees left and right of it. With all leaf hashes of the
 * window they give the root of the tree, so nothing within was left out.
 */
export interface CompletenessProof {
  readonly size: number
  readonly from: number
  readonly to: number
  /** Subtrees that cover [0, from), from the left. */
  readonly left: readonly Buffer[]
  /** Subtrees that cover [to, size), from the left. */
  readonly right: readonly Buffer[]
}

export async function completenessProof(
  from: number,
  to: number,
  size: number,
  read: HashReader,
): Promise<CompletenessProof> {
  requireWindow(from, to, size)
  const readAll = (subtrees: readonly Subtree[]): Promise<Buffer[]> =>
    Promise.all(subtrees.map(async ({ level, index }) => read(level, index)))
  return {
    size,
    from,
    to,
    left: await readAll(subtreesOf(0, from)),
    right: await readAll(subtreesOf(to, size)),
  }
}

/** Throws `PROOF_INCLUSION_FAILED` unless these are all the leaves of the window under this root. */
export function verifyCompleteness(
  proof: CompletenessProof,
  leaves: readonly Buffer[],
  root: Uint8Array,
): void {
  const { from, to, size, left, right } = proof
  requireWindow(from, to, size)
  const rightSubtrees = subtreesOf(to, size)
  const fits =
    leaves.length === to - from &&
    left.length === [...setBits(from)].length &&
    right.length === rightSubtrees.length &&
    [...left, ...leaves, ...right].every((hash) => hash.length === hashBytes)
  if (!fits) throw failed()
  const tree = MerkleTree.ofRoots(from, left.toReversed())
  for (const leaf of leaves) tree.append(leaf)
  // A stack of complete subtrees, the smallest on top; two of one height become one of the next.
  const levels = [...setBits(tree.size)].toReversed()
  const stack = tree
    .roots()
    .toReversed()
    .map((hash, at) => ({ hash, level: levels[at] ?? 0 }))
  rightSubtrees.forEach((subtree, at) => {
    let { level } = subtree
    let hash = right[at] ?? Buffer.alloc(0)
    for (let top = stack.at(-1); top?.level === level; top = stack.at(-1)) {
      hash = nodeHash(top.hash, hash)
      level += 1
      stack.pop()
    }
    stack.push({ hash, level })
  })
  const computed = stack
    .map(({ hash }) => hash)
    .reduceRight((below, above) => nodeHash(above, below))
  if (!computed.equals(root)) throw failed()
}

interface Subtree {
  readonly level: number
  readonly index: number
}

/** The largest complete subtrees that cover [from, to), from the left. */
function subtreesOf(from: number, to: number): Subtree[] {
  const subtrees: Subtree[] = []
  let start = from
  while (start < to) {
    let level = 0
    let width = 1
    while (start % (width * 2) === 0 && start + width * 2 <= to) {
      width *= 2
      level += 1
    }
    subtrees.push({ level, index: start / width })
    start += width
  }
  return subtrees
}

function requireWindow(from: number, to: number, size: number): void {
  const areWhole = [from, to, size].every((number) => Number.isSafeInteger(number))
  if (areWhole && 0 <= from && from < to && to <= size) return
  throw new ProofError('PROOF_INPUT_INVALID', `[${from}, ${to}) is no window of ${size} entries`)
}

function failed(): ProofError {
  return new ProofError('PROOF_INCLUSION_FAILED', 'these are not all the entries of the window')
}
