import type { Leaf } from '../../../schemas/leaf.ts'
import { LeafError, decodeLeaf } from '../../../schemas/leaf.ts'
import { LedgerError } from '../error.ts'
import { decodeGenesis, genesisHash } from '../log/genesis.ts'
import type { LogReader } from '../log/log-reader.ts'
import { PackRows } from '../log/pack-rows.ts'
import { payloadCommitment } from '../log/payload-commitment.ts'
import { hashBytes, writeLeafHash } from '../proof/hash.ts'
import { MerkleTree } from '../proof/tree.ts'
import { walkFrames } from '../log/recovery.ts'
import { decodeSegmentHeader } from '../log/segment.ts'
import { parseMicroseconds } from '../log/timestamp.ts'
import { signedRoots } from './signed-roots.ts'
import type { SignedRoots } from './signed-roots.ts'
import type { StoredSegment } from '../storage/entry-store.ts'
import type { LogStorage } from '../storage/storage.ts'
import type { LedgerProblem, VerifiedLog } from './verification.ts'

/** A block of payloads is in memory at once. */
const blockEntries = 128
/** More would say nothing new. */
const maxProblems = 20

/**
 * Verifies one log from its bytes. Stops at the first damaged segment: behind it nothing can be told. Beside another process that writes
 * it, it ends with what is durable by now, and of the packs, which come last, looks at what a checkpoint covers.
 */
export async function verifyLog(
  log: LogReader,
  remembered: readonly string[],
  progress: (entries: number) => void,
): Promise<{ log: VerifiedLog; problems: readonly LedgerProblem[] }> {
  const { storage } = log
  const problems: LedgerProblem[] = []
  const genesis = decodeGenesis(storage.genesis, storage.origin)
  const signed = await signedRoots(storage, genesis.vkey, remembered, problems)
  // What was opened may be older than what is signed by now.
  if (log.isShared) await storage.entries.refresh()
  const end = log.isShared ? storage.entries.last.size : Infinity
  const ends = { end, packsEnd: log.isShared ? signed.newest : end }
  const walk = new LogWalk(storage, signed, ends, problems)
  let hasAll = true
  try {
    for await (const segment of storage.entries.segments()) {
      await walk.segment(segment)
      progress(walk.size)
      if (walk.size >= end) break
    }
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error
    hasAll = false
    problems.push({
      origin: storage.origin,
      file: 'seg',
      position: walk.size,
      what: error.message,
    })
  }
  if (hasAll) signed.mustEndBy(walk.size)
  return {
    log: {
      origin: storage.origin,
      size: walk.size,
      signedSize: signed.newest,
      checkpoints: signed.checked,
      payloads: walk.payloads,
      erased: walk.erased,
    },
    problems: problems.slice(0, maxProblems),
  }
}

/** A commit ends at either. */
interface WalkEnds {
  /** Entries from here on are not looked at. */
  readonly end: number
  /** Of entries from here on the packs may not have the hashes yet. */
  readonly packsEnd: number
}

class LogWalk {
  payloads = 0
  erased = 0
  readonly #storage: LogStorage
  readonly #signed: SignedRoots
  readonly #ends: WalkEnds
  readonly #problems: LedgerProblem[]
  readonly #tree = new MerkleTree()
  readonly #rows = new PackRows()
  #prev: Buffer
  #rtUs = 0
  #lastOffset = -1
  #nextOffset = -1n
  readonly #packed = [0, 0, 0]

  constructor(storage: LogStorage, signed: SignedRoots, ends: WalkEnds, problems: LedgerProblem[]) {
    this.#storage = storage
    this.#signed = signed
    this.#ends = ends
    this.#problems = problems
    this.#prev = genesisHash(storage.genesis)
  }

  get size(): number {
    return this.#tree.size
  }

  async segment({ name, firstSeq, bytes }: StoredSegment): Promise<void> {
    const { origin } = this.#storage
    const decoded = decodeSegmentHeader(bytes)
    if (decoded === null || decoded.header.origin !== origin || firstSeq !== this.size) {
      throw new LedgerError(
        'LEDGER_CORRUPT',
        `${name}: this segment does not go on at entry ${this.size} of ${origin}`,
      )
    }
    const frames = walkFrames(name, bytes, decoded.end, firstSeq)
    const hashes = Buffer.allocUnsafe(frames.starts.length * hashBytes)
    let index = 0
    for (const { commit } of frames.commits) {
      if (this.size >= this.#ends.end) break
      for (; this.size < commit.size; index++) {
        const start = frames.starts[index] ?? 0
        const end = start + 1 + bytes.readUInt32BE(start - 8)
        const leafHash = hashes.subarray(index * hashBytes, (index + 1) * hashBytes)
        writeLeafHash(bytes.subarray(start, end), hashes, index * hashBytes)
        this.#leaf(name, bytes.subarray(start + 1, end))
        this.#prev = leafHash
        this.#tree.append(leafHash, this.#rows.collect)
        this.#signed.check(this.size, () => this.#tree.root())
      }
      if (!commit.root.equals(this.#tree.root()) || !commit.chainHead.equals(this.#prev)) {
        this.#problem(name, this.size - 1, 'the commit frame has another root or chain head')
      }
      if (commit.nextOffset < this.#nextOffset) {
        this.#problem(name, this.size - 1, 'the next offset of the commit frame goes back')
      }
      this.#nextOffset = commit.nextOffset
    }
    if (frames.footer?.size === this.size && !frames.footer.root.equals(this.#tree.root())) {
      this.#problem(name, this.size - 1, 'the seal footer has another root')
    }
    await this.#packs(hashes.subarray(0, index * hashBytes))
    await this.#payloadsOf(bytes, frames.starts.slice(0, index), firstSeq)
  }

  #leaf(name: string, entry: Buffer): void {
    const position = this.size
    let leaf: Leaf
    try {
      leaf = decodeLeaf(entry)
    } catch (error) {
      if (!(error instanceof LeafError)) throw error
      this.#problem(name, position, error.message)
      return
    }
    if (leaf.log !== this.#storage.origin || leaf.seq !== position) {
      this.#problem(name, position, `the leaf is that of entry ${leaf.seq} of ${leaf.log}`)
    }
    if (leaf.prev !== this.#prev.toString('base64')) {
      this.#problem(name, position, 'the leaf does not follow the one before: prev is another hash')
    }
    if ((leaf.type === 'genesis') !== (position === 0)) {
      this.#problem(name, position, 'a genesis leaf stands first and nowhere else')
    }
    const rtUs = parseMicroseconds(leaf.rt)
    if (rtUs === null || rtUs < this.#rtUs) {
      this.#problem(name, position, 'the ledger time goes back')
    }
    this.#rtUs = Math.max(this.#rtUs, rtUs ?? 0)
    if (leaf.type === 'event') {
      // In the first log of a partition the first one has no offset before it; later periods go on from the one before.
      const follows = leaf.poff === this.#lastOffset || this.#lastOffset === -1
      if (!follows || leaf.off <= leaf.poff) {
        this.#problem(name, position, 'the offset does not follow the one before')
      }
      this.#lastOffset = leaf.off
    }
  }

  async #packs(leafHashes: Buffer): Promise<void> {
    const rows = [leafHashes, ...this.#rows.take()]
    for (const pack of [0, 1, 2] as const) {
      const expected = rows[pack] ?? Buffer.alloc(0)
      const from = this.#packed[pack] ?? 0
      const packed = from + expected.length / hashBytes
      this.#packed[pack] = packed
      const count = Math.min(packed, Math.floor(this.#ends.packsEnd / 256 ** pack)) - from
      if (count <= 0) continue
      let actual: Buffer
      try {
        actual = await this.#storage.packs.read(pack, from, count)
      } catch (error) {
        if (!(error instanceof LedgerError)) throw error
        this.#problem(`hash/L${pack}.pack`, null, error.message)
        continue
      }
      for (let at = 0; at < count; at++) {
        const bytes = expected.subarray(at * hashBytes, (at + 1) * hashBytes)
        if (bytes.equals(actual.subarray(at * hashBytes, (at + 1) * hashBytes))) continue
        this.#problem(
          `hash/L${pack}.pack`,
          (from + at) * 256 ** pack,
          `hash ${from + at}, bytes ${(from + at) * hashBytes} to ${(from + at + 1) * hashBytes}, is not that of the entries`,
        )
        break
      }
    }
  }

  async #payloadsOf(bytes: Buffer, starts: readonly number[], firstSeq: number): Promise<void> {
    let missing = 0
    for (let first = 0; first < starts.length; first += blockEntries) {
      const from = firstSeq + first
      const to = Math.min(firstSeq + starts.length, from + blockEntries)
      let found
      try {
        found = await this.#storage.payloads.get(from, to)
      } catch (error) {
        if (!(error instanceof LedgerError)) throw error
        this.#problem('payload', from, error.message)
        continue
      }
      for (let position = from; position < to; position++) {
        const start = starts[position - firstSeq] ?? 0
        const end = start + 1 + bytes.readUInt32BE(start - 8)
        const com = commitmentOf(bytes.subarray(start + 1, end))
        if (com === null) continue
        const payload = found.get(position)
        if (payload === null) {
          this.erased++
        } else if (payload === undefined) {
          // What hides one record hides those behind it too: the first says it all.
          if (missing++ > 0) continue
          const why = await this.#storage.payloads.explainMissing(position)
          this.#problem('payload', position, `the payload of this entry is missing: ${why}`)
        } else if (payloadCommitment(payload.salt, payload.value) !== com) {
          this.#problem('payload', position, 'the payload is not the one that was sealed')
        } else {
          this.payloads++
        }
      }
    }
  }

  #problem(file: string, position: number | null, what: string): void {
    if (this.#problems.length < maxProblems) {
      this.#problems.push({ origin: this.#storage.origin, file, position, what })
    }
  }
}

function commitmentOf(entry: Buffer): string | null {
  try {
    const leaf = decodeLeaf(entry)
    return leaf.type === 'event' ? leaf.com : null
  } catch {
    // Reported where the leaf was walked.
    return null
  }
}
