import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

import { LedgerError } from './error.ts'
import type { HashPacks } from './hash-packs.ts'
import type { StorageReader } from './ledger-reader.ts'
import { logFiles } from './proof/c2sp-files.ts'
import { hashBytes } from './proof/hash.ts'
import type { HashReader } from './proof/range.ts'
import { tileWidth } from './proof/tile.ts'

/**
 * Writes one log at its newest signed checkpoint as C2SP tlog-tiles files: `checkpoint`, `tile/…`, and beside them `log.vkey`
 * and `genesis.json`, the record whose hash entry 0 names.
 * The directory must not exist; it appears whole or not at all. Returns the size.
 */
export async function exportC2sp(
  reader: StorageReader,
  origin: string,
  directory: string,
): Promise<number> {
  const { size, checkpoint, vkey } = await reader.head(origin)
  const { storage, hash } = await reader.log(origin)
  const fresh = `${directory}.partial`
  // Left by an export that was broken off.
  await rm(fresh, { recursive: true, force: true })
  await mkdir(fresh, { recursive: true })
  const files = logFiles({
    checkpoint,
    size,
    hash: tileByTile(storage.packs, size, hash),
    async entries(from, to) {
      const found: Buffer[] = []
      while (from + found.length < to) {
        found.push(...(await storage.entries.read(from + found.length, to)))
      }
      return found
    },
  })
  for await (const { path, bytes } of files) {
    const file = join(fresh, path)
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, bytes)
  }
  await writeFile(join(fresh, 'log.vkey'), vkey)
  await writeFile(join(fresh, 'genesis.json'), storage.genesis)
  try {
    await rename(fresh, directory)
  } catch (cause) {
    await rm(fresh, { recursive: true, force: true })
    throw new LedgerError('LEDGER_EXISTS', `${directory} exists already and is not empty`, {
      cause,
    })
  }
  return size
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
