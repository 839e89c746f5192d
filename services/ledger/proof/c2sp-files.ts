import { encodeBundle, entriesLevel, tilePath, tileWidth, tilesOf, treeLevel } from './tile.ts'
import type { Tile } from './tile.ts'
import type { HashReader } from './range.ts'

/** One file of a log in C2SP tlog-tiles form. */
export interface LogFile {
  readonly path: string
  readonly bytes: Buffer
}

export interface LogContent {
  /** The signed note; its size is `size`. */
  readonly checkpoint: string
  readonly size: number
  /** Entries [from, to) in order. */
  entries(from: number, to: number): Promise<readonly Uint8Array[]>
  readonly hash: HashReader
}

/** The files of a log, bundle by bundle and tile by tile; the checkpoint last, so that a reader never sees more than is there. */
export async function* logFiles(content: LogContent): AsyncGenerator<LogFile> {
  for (const tile of tilesOf(content.size)) {
    yield { path: tilePath(tile), bytes: await tileBytes(tile, content) }
  }
  yield { path: 'checkpoint', bytes: Buffer.from(content.checkpoint) }
}

/** The bytes of one tile or bundle, as a server answers with them. The tile lies within the log. */
export async function tileBytes(
  tile: Tile,
  content: Omit<LogContent, 'checkpoint'>,
): Promise<Buffer> {
  const first = tile.index * tileWidth
  if (tile.level === entriesLevel) {
    return encodeBundle(await content.entries(first, first + tile.width))
  }
  const level = treeLevel(tile.level)
  const hashes: Buffer[] = []
  for (let at = first; at < first + tile.width; at += 1) hashes.push(await content.hash(level, at))
  return Buffer.concat(hashes)
}
