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
  /** `0x01 | left | right`, as it is hashed: a hash is written once, to where it is needed. */
  readonly #nodes: Buffer[] = []
  readonly #lent = Buffer.alloc(hashBytes)

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
      if (root !== undefined) tree.#node(level).set(root, leftAt)
    }
    return tree
  }

  get size(): number {
    return this.#size
  }

  /** Adds a leaf. `completed` is told the hash of each subtree that is complete with it; the buffer is lent for the call. */
  append(leaf: Uint8Array, completed?: (level: number, index: number, hash: Buffer) => void): void {
    if (leaf.length !== hashBytes) throw new RangeError(`a leaf hash has ${hashBytes} bytes`)
    const lent = this.#lent
    let level = 0
    let index = this.#size
    let node = this.#node(0)
    node.set(leaf, index % 2 === 0 ? leftAt : rightAt)
    if (completed !== undefined) {
      lent.set(leaf)
      completed(0, index, lent)
    }
    while (index % 2 === 1) {
      const digest = hash('sha256', node, 'binary')
      level += 1
      index = (index - 1) / 2
      node = this.#node(level)
      node.write(digest, index % 2 === 0 ? leftAt : rightAt, hashBytes, 'latin1')
      if (completed !== undefined) {
        lent.write(digest, 0, hashBytes, 'latin1')
        completed(level, index, lent)
      }
    }
    this.#size += 1
  }

  /** The roots of its complete subtrees, the smallest first; copies. With `size` they are all that `ofRoots` needs. */
  roots(): Buffer[] {
    return [...setBits(this.#size)].map((level) => Buffer.from(this.#left(level)))
  }

  root(): Buffer {
    let root: Buffer | null = null
    for (const level of setBits(this.#size)) {
      const left = this.#left(level)
      root = root === null ? Buffer.from(left) : nodeHash(left, root)
    }
    return root ?? Buffer.from(emptyRoot)
  }

  #left(level: number): Buffer {
    return this.#node(level).subarray(leftAt, rightAt)
  }

  #node(level: number): Buffer {
    return (this.#nodes[level] ??= Buffer.alloc(rightAt + hashBytes, nodePrefix))
  }
}

/** The bits that are set in `size`, from the lowest. Sizes may exceed 2^32. */
export function* setBits(size: number): Generator<number> {
  for (let level = 0, rest = size; rest > 0; level += 1, rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) yield level
  }
}
