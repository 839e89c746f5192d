import type { HashPacks } from '../storage/hash-packs.ts'
import { hashBytes, writeNodeHash } from '../proof/hash.ts'
import { setBits } from '../proof/tree.ts'

const tileHeight = 8
const topPack = 2

/** The hash over the leaves [index * 2^level, (index + 1) * 2^level): computed from at most a tile, or a run of the top pack. */
export async function packHash(packs: HashPacks, level: number, index: number): Promise<Buffer> {
  const pack = Math.min(topPack, Math.floor(level / tileHeight)) as 0 | 1 | 2
  const width = 2 ** (level - pack * tileHeight)
  return perfectRoot(await packs.read(pack, index * width, width))
}

/** The roots of the complete subtrees of the first `size` leaves, the smallest first. */
export async function packRoots(packs: HashPacks, size: number): Promise<Buffer[]> {
  const roots: Buffer[] = []
  for (const level of setBits(size)) {
    const width = 2 ** level
    roots.push(await packHash(packs, level, Math.floor(size / width) - 1))
  }
  return roots
}

/** The root of a perfect tree over these hashes, whose number is a power of two. The buffer is used up. */
function perfectRoot(hashes: Buffer): Buffer {
  for (let count = hashes.length / hashBytes; count > 1; count /= 2) {
    for (let index = 0; index < count / 2; index++) {
      const left = index * 2 * hashBytes
      const right = left + hashBytes
      writeNodeHash(
        hashes.subarray(left, right),
        hashes.subarray(right, right + hashBytes),
        hashes,
        index * hashBytes,
      )
    }
  }
  return hashes.subarray(0, hashBytes)
}
