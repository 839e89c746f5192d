import { decodeLeaf } from '../../../schemas/leaf.ts'
import { LedgerError } from '../error.ts'
import { logContent } from './log-content.ts'
import { packHash } from './pack-hashes.ts'
import type { Payload } from '../storage/payload-store.ts'
import { payloadCommitment } from './payload-commitment.ts'
import { tileBytes } from '../proof/c2sp-files.ts'
import { consistencyPath } from '../proof/consistency.ts'
import { leafHash } from '../proof/hash.ts'
import { inclusionPath } from '../proof/inclusion.ts'
import type { HashReader } from '../proof/range.ts'
import { entriesLevel, tilePath, tileWidth, treeLevel } from '../proof/tile.ts'
import type { Tile } from '../proof/tile.ts'
import type { Entry, LogHead } from '../reader.ts'
import { decodeGenesis } from './genesis.ts'
import type { SignedHead } from '../storage/head-register.ts'
import type { LogStorage } from '../storage/storage.ts'

/** A block of payloads is bounded by this, since each may be large. */
const blockEntries = 128

/** Reads one log, beside its writer or without one. */
export class LogReader {
  readonly storage: LogStorage
  readonly #vkey: string
  /** Hashes of complete subtrees, which is all that proofs and tiles need. */
  readonly hash: HashReader
  /** The log has another writer, so what is on disk may be ahead of what was read. */
  readonly isShared: boolean

  constructor(storage: LogStorage, isShared: boolean) {
    this.storage = storage
    this.#vkey = decodeGenesis(storage.genesis, storage.origin).vkey
    this.hash = (level, index) => packHash(storage.packs, level, index)
    this.isShared = isShared
  }

  /** The newest signed head, null before the first. */
  async head(): Promise<LogHead | null> {
    const signed = await this.storage.register.read()
    return signed === null ? null : this.#logHead(signed)
  }

  async headSignedFrom(atMs: number): Promise<LogHead | null> {
    const signed = await this.storage.checkpoints.firstSignedFrom(atMs)
    return signed === null ? null : this.#logHead(signed)
  }

  async *entries(from: number, to: number): AsyncGenerator<Entry> {
    if (from >= to) return
    await this.#reach(to)
    for (let at = from; at < to;) {
      const block = await this.#block(at, Math.min(to, at + blockEntries))
      yield* block
      at += block.length
    }
  }

  async inclusionProof(position: number, size: number): Promise<readonly Buffer[]> {
    await this.#reach(size)
    return inclusionPath(position, size, this.hash)
  }

  async consistencyProof(oldSize: number, newSize: number): Promise<readonly Buffer[]> {
    await this.#reach(newSize)
    return consistencyPath(oldSize, newSize, this.hash)
  }

  async tile(tile: Tile): Promise<Buffer> {
    const size = (await this.head())?.size ?? 0
    const isBundle = tile.level === entriesLevel
    const width = isBundle ? size : Math.floor(size / 2 ** treeLevel(tile.level))
    if (tile.index * tileWidth + tile.width > width) {
      throw new LedgerError(
        'LEDGER_POSITION_UNKNOWN',
        `${this.storage.origin} has no ${tilePath(tile)}: its newest checkpoint covers ${size} entries`,
      )
    }
    await this.#reach(size)
    return tileBytes(tile, logContent(this.storage, size, this.hash))
  }

  async #block(from: number, to: number): Promise<Entry[]> {
    const { entries, payloads, origin } = this.storage
    const leaves = await entries.read(from, to)
    const found = await payloads.get(from, from + leaves.length)
    return leaves.map((leafBytes, index) => {
      const position = from + index
      const leaf = decodeLeaf(leafBytes)
      if (leaf.log !== origin || leaf.seq !== position) {
        throw new LedgerError(
          'LEDGER_CORRUPT',
          `${origin}: entry ${position} says that it is entry ${leaf.seq} of ${leaf.log}`,
        )
      }
      const payload = leaf.type === 'event' ? found.get(position) : null
      if (leaf.type === 'event') mustMatch(payload, leaf.com, origin, position)
      return {
        log: origin,
        position,
        leafBytes,
        leafHash: leafHash(leafBytes),
        leaf,
        payload: payload?.value ?? null,
        salt: payload?.salt ?? null,
      }
    })
  }

  async #reach(size: number): Promise<void> {
    const { entries, origin } = this.storage
    if (this.isShared && size > entries.last.size) await entries.refresh()
    if (size > entries.last.size) {
      throw new LedgerError(
        'LEDGER_POSITION_UNKNOWN',
        `${origin} has ${entries.last.size} entries, not ${size}`,
      )
    }
  }

  #logHead(signed: SignedHead): LogHead {
    const { size, root, checkpoint, signedAtMs } = signed
    return { origin: this.storage.origin, size, root, checkpoint, vkey: this.#vkey, signedAtMs }
  }
}

/** An erased payload, null, is as it should be; one that is not there at all is not. */
function mustMatch(
  payload: Payload | null | undefined,
  com: string,
  origin: string,
  position: number,
): void {
  if (payload === null) return
  if (payload !== undefined && payloadCommitment(payload.salt, payload.value) === com) return
  const what = payload === undefined ? 'is missing' : 'is not the one that was sealed'
  throw new LedgerError(
    'LEDGER_PAYLOAD_DAMAGED',
    `${origin}: the stored payload of entry ${position} ${what}`,
  )
}
