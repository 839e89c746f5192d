import { emptyRoot, hashBytes, nodeHash, writeNodeHash } from './hash.ts'

/**
 * A tree that grows at its right edge. It keeps one hash per level: the roots of the complete subtrees that make up the leaves so
 * far, as the bits of `size` say.
 */
export class MerkleTree {
  #size = 0
  readonly #roots: Buffer[] = []
  readonly #carry = Buffer.alloc(hashBytes)

  /** A tree of `size` leaves from the roots of its complete subtrees, the smallest first. */
  static ofRoots(size: number, roots: readonly Buffer[]): MerkleTree {
    const tree = new MerkleTree()
    tree.#size = size
    let next = 0
    for (const level of setBits(size)) {
      const root = roots[next]
      if (root === undefined)
        throw new RangeError(`${roots.length} roots are too few for ${size} leaves`)
      tree.#rootAt(level).set(root)
      next += 1
    }
    return tree
  }

  get size(): number {
    return this.#size
  }

  /** Adds a leaf. `completed` is told the hash of each subtree that is complete with it; the buffer is lent for the call. */
  append(leaf: Uint8Array, completed?: (level: number, index: number, hash: Buffer) => void): void {
    const carry = this.#carry
    carry.set(leaf)
    let level = 0
    let index = this.#size
    completed?.(level, index, carry)
    while (index % 2 === 1) {
      writeNodeHash(this.#rootAt(level), carry, carry, 0)
      level += 1
      index = (index - 1) / 2
      completed?.(level, index, carry)
    }
    this.#rootAt(level).set(carry)
    this.#size += 1
  }

  /** The roots of its complete subtrees, the smallest first; copies. With `size` they are all that `ofRoots` needs. */
  roots(): Buffer[] {
    return [...setBits(this.#size)].map((level) => Buffer.from(this.#rootAt(level)))
  }

  root(): Buffer {
    let root: Buffer | null = null
    for (const level of setBits(this.#size)) {
      const left = this.#rootAt(level)
      root = root === null ? Buffer.from(left) : nodeHash(left, root)
    }
    return root ?? Buffer.from(emptyRoot)
  }

  #rootAt(level: number): Buffer {
    return (this.#roots[level] ??= Buffer.alloc(hashBytes))
  }
}

/** The bits that are set in `size`, from the lowest. Sizes may exceed 2^32. */
export function* setBits(size: number): Generator<number> {
  for (let level = 0, rest = size; rest > 0; level += 1, rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) yield level
  }
}
