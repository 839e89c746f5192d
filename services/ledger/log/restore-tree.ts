import { LedgerError } from '../error.ts'
import { packRoots } from './pack-hashes.ts'
import { PackRows, appendToPacks } from './pack-rows.ts'
import { hashBytes, leafHash } from '../proof/hash.ts'
import { MerkleTree } from '../proof/tree.ts'
import type { LogStorage } from '../storage/storage.ts'

const tileWidth = 256
/** So many of the newest entries are hashed again whenever a log is opened, whatever the packs say. */
const recheckedEntries = 65_536

/**
 * The tree of the committed entries, and packs that agree with it. The packs are believed for older entries as long as the root
 * comes out as the last commit says; else all of them are made anew from the entries. Throws `LEDGER_CORRUPT` when the entries
 * themselves do not give that root.
 */
export async function restoreTree(storage: LogStorage): Promise<MerkleTree> {
  const { origin, entries, packs } = storage
  const { size, root, chainHead } = entries.last
  const known = Math.min(size, packs.counts[0])
  const from = believable(Math.min(known, Math.max(0, size - recheckedEntries)), packs.counts)
  for (const start of from === 0 ? [0] : [from, 0]) {
    const { tree, head } = await growFrom(storage, start)
    if (tree.root().equals(root) && head.equals(chainHead)) return tree
  }
  throw new LedgerError(
    'LEDGER_CORRUPT',
    `${origin}: the entries do not give the root of the last commit, at size ${size}`,
  )
}

/** The most leaves up to `size` whose full tiles all have their hashes in the upper packs. */
function believable(size: number, counts: readonly [number, number, number]): number {
  const [, tiles, upper] = counts
  let leaves = Math.min(Math.floor(size / tileWidth), tiles) * tileWidth
  leaves = Math.min(leaves, (upper + 1) * tileWidth * tileWidth - tileWidth)
  return leaves
}

async function growFrom(
  storage: LogStorage,
  start: number,
): Promise<{ tree: MerkleTree; head: Buffer }> {
  const { entries, packs } = storage
  const { size } = entries.last
  const tiles = start / tileWidth
  await packs.cut([start, tiles, Math.floor(tiles / tileWidth)])
  const tree = MerkleTree.ofRoots(start, await packRoots(packs, start))
  const rows = new PackRows()
  let head: Buffer = Buffer.alloc(0)
  for (let at = start; at < size;) {
    const block = await entries.read(at, size)
    const hashes = Buffer.allocUnsafe(block.length * hashBytes)
    block.forEach((entry, index) => {
      head = leafHash(entry)
      head.copy(hashes, index * hashBytes)
      tree.append(head, rows.collect)
    })
    await appendToPacks(packs, hashes, rows.take())
    at += block.length
  }
  return { tree, head }
}
