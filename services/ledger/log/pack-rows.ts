import type { HashPacks } from '../storage/hash-packs.ts'

/** Collects the hashes that a growing tree completes, for the packs; `collect` is what `MerkleTree.append` calls. */
export class PackRows {
  #rows: [Buffer[], Buffer[]] = [[], []]

  readonly collect = (level: number, _index: number, hash: Buffer): void => {
    if (level === 8) this.#rows[0].push(Buffer.from(hash))
    else if (level === 16) this.#rows[1].push(Buffer.from(hash))
  }

  /** What was collected for packs 1 and 2 since the last call. */
  take(): readonly [Buffer, Buffer] {
    const [tiles, upper] = this.#rows
    this.#rows = [[], []]
    return [Buffer.concat(tiles), Buffer.concat(upper)]
  }
}

export async function appendToPacks(
  packs: HashPacks,
  leafHashes: Buffer,
  [tiles, upper]: readonly [Buffer, Buffer],
): Promise<void> {
  await packs.append(0, leafHashes)
  if (tiles.length > 0) await packs.append(1, tiles)
  if (upper.length > 0) await packs.append(2, upper)
}
