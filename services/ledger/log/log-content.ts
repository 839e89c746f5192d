import type { HashPacks } from '../storage/hash-packs.ts'
import type { LogContent } from '../proof/c2sp-files.ts'
import { hashBytes } from '../proof/hash.ts'
import type { HashReader } from '../proof/range.ts'
import { tileWidth } from '../proof/tile.ts'
import type { LogStorage } from '../storage/storage.ts'

/** What the tiles of the first `size` entries of a log are made of. `hash` gives those that lie above the packs. */
export function logContent(
  { entries, packs }: LogStorage,
  size: number,
  hash: HashReader,
): Omit<LogContent, 'checkpoint'> {
  return {
    size,
    hash: tileByTile(packs, size, hash),
    async entries(from, to) {
      const found: Buffer[] = []
      while (from + found.length < to) {
        found.push(...(await entries.read(from + found.length, to)))
      }
      return found
    },
  }
}

/** Reads the hashes that tiles are made of a tile at a time: they are asked for one after the other. */
function tileByTile(packs: HashPacks, size: number, hash: HashReader): HashReader {
  let held: { pack: number; first: number; hashes: Buffer } = {
    pack: -1,
    first: 0,
    hashes: Buffer.alloc(0),
  }
  return async (level, index) => {
    const pack = level / 8
    if (pack !== 0 && pack !== 1 && pack !== 2) return hash(level, index)
    const first = index - (index % tileWidth)
    if (held.pack !== pack || held.first !== first) {
      const count = Math.min(tileWidth, Math.floor(size / tileWidth ** pack) - first)
      held = { pack, first, hashes: await packs.read(pack, first, count) }
    }
    const at = (index - first) * hashBytes
    return held.hashes.subarray(at, at + hashBytes)
  }
}
