import { hash } from 'node:crypto'

import { emptyRoot, hashBytes, nodeHash } from './hash.ts'

const nodePrefix = 0x01
const leftAt = 1
const rightAt = leftAt + hashBytes

/**
 * A tree that grows at its right edge. It keeps one node per level: the left half is the root of the complete subtree of that
 * height which waits for its right sibling, there when that bit of `size` is set.
 */
export class MerkleTree {
  #size = 0
  /** A hash is written once, to where it is needed. */
  readonly #nodes: TreeNode[] = []

  /** A tree of `size` leaves from the roots of its complete subtrees, the smallest first. */
  static ofRoots(size: number, roots: readonly Buffer[]): MerkleTree {
    const levels = [...setBits(size)]
    if (roots.length !== levels.length || roots.some((root) => root.length !== hashBytes)) {
      throw new RangeError(`${roots.length} roots are not those of the subtrees of ${size} leaves`)
    }
    const tree = new MerkleTree()
    tree.#size = size
    for (const [at, level] of levels.entries()) {
      const root = roots[at]
      if (root !== undefined) tree.#node(level).left.set(root)
    }
    return tree
  }

  get size(): number {
    return this.#size
  }

  /** Adds a leaf. `completed` is told the hash of each subtree that is complete with it; the buffer is lent for the call. */
  append(leaf: Uint8Array, completed?: (level: number, index: number, hash: Buffer) => void): void {
    if (leaf.length !== hashBytes) throw new RangeError(`a leaf hash has ${hashBytes} bytes`)
    let level = 0
    let index = this.#size
    let node = this.#node(0)
    let half = index % 2 === 0 ? node.left : node.right
    half.set(leaf)
    completed?.(0, index, half)
    while (index % 2 === 1) {
      const digest = hash('sha256', node.bytes, 'binary')
      level += 1
      index = (index - 1) / 2
      node = this.#node(level)
      half = index % 2 === 0 ? node.left : node.right
      half.write(digest, 0, hashBytes, 'latin1')
      completed?.(level, index, half)
    }
    this.#size += 1
  }

  /** The roots of its complete subtrees, the smallest first; copies. With `size` they are all that `ofRoots` needs. */
  roots(): Buffer[] {
    return [...setBits(this.#size)].map((level) => Buffer.from(this.#node(level).left))
  }

  root(): Buffer {
    let root: Buffer | null = null
    for (const level of setBits(this.#size)) {
      const { left } = this.#node(level)
      root = root === null ? Buffer.from(left) : nodeHash(left, root)
    }
    return root ?? Buffer.from(emptyRoot)
  }

  #node(level: number): TreeNode {
    return (this.#nodes[level] ??= newNode())
  }
}

interface TreeNode {
  /** `0x01 | left | right`, as it is hashed. */
  readonly bytes: Buffer
  readonly left: Buffer
  readonly right: Buffer
}

function newNode(): TreeNode {
  const bytes = Buffer.alloc(rightAt + hashBytes, nodePrefix)
  return { bytes, left: bytes.subarray(leftAt, rightAt), right: bytes.subarray(rightAt) }
}

/** The bits that are set in `size`, from the lowest. Sizes may exceed 2^32. */
export function* setBits(size: number): Generator<number> {
  for (let level = 0, rest = size; rest > 0; level += 1, rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) yield level
  }
}
