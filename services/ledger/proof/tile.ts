import { ProofError } from './error.ts'
import { hashBytes } from './hash.ts'

/** Tiles of C2SP tlog-tiles: rows of up to 256 hashes of one level in eight, and bundles of up to 256 entries. */

export const tileWidth = 256
const tileHeight = 8

/** Names one tile. `level` is in units of eight tree levels; -1 is the level of entry bundles. */
export interface Tile {
  readonly level: number
  readonly index: number
  /** 1 to 256. */
  readonly width: number
}

export const entriesLevel = -1

/** `tile/0/x001/x234/067`, with `.p/W` for a partial one. */
export function tilePath({ level, index, width }: Tile): string {
  const kind = level === entriesLevel ? 'entries' : String(level)
  const partial = width === tileWidth ? '' : `.p/${width}`
  return `tile/${kind}/${indexPath(index)}${partial}`
}

export function parseTilePath(path: string): Tile {
  const malformed = (): ProofError =>
    new ProofError('PROOF_TILE_MALFORMED', `not the path of a tile: ${path}`)
  const [, kind, digits, partial] =
    /^tile\/(entries|0|[1-9][0-9]?)\/((?:x[0-9]{3}\/)*[0-9]{3})(?:\.p\/([1-9][0-9]{0,2}))?$/.exec(
      path,
    ) ?? []
  if (kind === undefined || digits === undefined) throw malformed()
  const level = kind === 'entries' ? entriesLevel : Number(kind)
  const index = Number(digits.replaceAll(/[x/]/g, ''))
  const width = partial === undefined ? tileWidth : Number(partial)
  if (level > 63 || !Number.isSafeInteger(index) || (partial !== undefined && width >= tileWidth))
    throw malformed()
  // Refuses paths with needless leading groups.
  if (indexPath(index) !== digits) throw malformed()
  return { level, index, width }
}

/** Every tile of a log of `size` entries: bundles first, then the hashes level by level, each level's last one maybe partial. */
export function* tilesOf(size: number): Generator<Tile> {
  yield* row(entriesLevel, size)
  for (let level = 0, width = size; width > 0; level += 1, width = Math.floor(width / tileWidth)) {
    yield* row(level, width)
  }
}

function* row(level: number, width: number): Generator<Tile> {
  const full = Math.floor(width / tileWidth)
  for (let index = 0; index < full; index += 1) yield { level, index, width: tileWidth }
  const partial = width % tileWidth
  if (partial > 0) yield { level, index: full, width: partial }
}

/** The level in the tree of the hashes of a tile. */
export function treeLevel(tileLevel: number): number {
  return tileLevel * tileHeight
}

/** uint16 big-endian length, then the entry; once per entry, nothing after. */
export function encodeBundle(entries: readonly Uint8Array[]): Buffer {
  const parts: Uint8Array[] = []
  for (const entry of entries) {
    if (entry.length > 0xffff)
      throw new ProofError('PROOF_TILE_MALFORMED', 'an entry has at most 65535 bytes')
    const length = Buffer.allocUnsafe(2)
    length.writeUInt16BE(entry.length)
    parts.push(length, entry)
  }
  return Buffer.concat(parts)
}

export function decodeBundle(bundle: Buffer, width: number): Buffer[] {
  const entries: Buffer[] = []
  let position = 0
  while (entries.length < width) {
    if (position + 2 > bundle.length)
      throw new ProofError('PROOF_TILE_MALFORMED', 'the bundle ends too early')
    const end = position + 2 + bundle.readUInt16BE(position)
    if (end > bundle.length)
      throw new ProofError('PROOF_TILE_MALFORMED', 'the bundle ends within an entry')
    entries.push(bundle.subarray(position + 2, end))
    position = end
  }
  if (position !== bundle.length)
    throw new ProofError('PROOF_TILE_MALFORMED', 'the bundle has bytes after its entries')
  return entries
}

export function decodeHashTile(tile: Buffer, width: number): Buffer[] {
  if (tile.length !== width * hashBytes) {
    throw new ProofError(
      'PROOF_TILE_MALFORMED',
      `a tile of ${width} hashes has ${width * hashBytes} bytes`,
    )
  }
  return Array.from({ length: width }, (_, at) =>
    tile.subarray(at * hashBytes, (at + 1) * hashBytes),
  )
}

function indexPath(index: number): string {
  const groups: string[] = []
  let rest = index
  do {
    groups.unshift(String(rest % 1000).padStart(3, '0'))
    rest = Math.floor(rest / 1000)
  } while (rest > 0)
  return groups.map((group, at) => (at < groups.length - 1 ? `x${group}` : group)).join('/')
}
