import type { Leaf, LossReason } from '../../../schemas/leaf.ts'
import { encodeLeaf, maxLeafBytes } from '../../../schemas/leaf.ts'
import { commitFrameBytes, writeCommitFrame } from './commit.ts'
import type { Batch } from '../storage/entry-store.ts'
import { checkedAt, frameHeaderBytes, frameType, sealFrame } from './frame.ts'
import type { EventLeafFields } from './leaf-template.ts'
import { LeafTemplate } from './leaf-template.ts'
import { PackRows } from './pack-rows.ts'
import { hashBytes, writeLeafHash } from '../proof/hash.ts'
import type { MerkleTree } from '../proof/tree.ts'
import { formatMicroseconds } from './timestamp.ts'

/** A commit is due at this many bytes or records. */
const batchBytes = 1024 * 1024
const batchRecords = 4096

const capacity = batchBytes + frameHeaderBytes + maxLeafBytes + commitFrameBytes
/** While one batch is being written, the next is filled. */
const buffers = 2

export interface WriterState {
  readonly tree: MerkleTree
  /** Leaf hash of the last entry, or the hash of the genesis record. */
  readonly chainHead: Buffer
  /** Ledger time of the last entry, microseconds. */
  readonly rtUs: number
  readonly nextOffset: bigint
  readonly lastOffset: bigint
  readonly leaderEpoch: number
  readonly writerEpoch: number
  /** The position of the newest entry that holds a record; null where there is none, or none that is known. */
  readonly lastEventSeq: number | null
}

/** An entry that holds a record, and the record's offset. */
export interface SealedEvent {
  readonly seq: number
  readonly offset: number
}

export interface LogIdentity {
  readonly origin: string
  readonly topic: string
  readonly part: number
}

/** A sealed batch and the hashes of its leaves, which stay valid until the batch after the next is begun. */
export interface SealedBatch extends Batch {
  readonly leafHashes: Buffer
  /** For the packs above, see `PackRows`. */
  readonly rows: readonly [Buffer, Buffer]
}

/**
 * Turns records into frames: leaf text, frame, leaf hash, tree and chain in one pass over one buffer. It runs ahead of what is
 * durable; a failed write therefore ends it together with its log.
 */
export class BatchWriter {
  readonly #log: LogIdentity
  readonly #template: LeafTemplate
  readonly #tree: MerkleTree
  readonly #writerEpoch: number
  readonly #buffers: readonly BatchBuffer[]
  #buffer: BatchBuffer
  readonly #rows = new PackRows()
  #turn = 0
  #firstSeq: number
  #at = 0
  #records = 0
  #prev: string
  #rtUs: number
  #rt: string
  #nextOffset: bigint
  #lastOffset: number
  #leaderEpoch: number
  #lastEventSeq: number | null

  constructor(log: LogIdentity, state: WriterState) {
    this.#log = log
    this.#template = new LeafTemplate(log.origin, log.topic, log.part)
    this.#tree = state.tree
    this.#writerEpoch = state.writerEpoch
    this.#buffers = Array.from({ length: buffers }, newBuffer)
    this.#buffer = this.#buffers[0] ?? newBuffer()
    this.#firstSeq = state.tree.size
    this.#prev = state.chainHead.toString('base64')
    this.#rtUs = state.rtUs
    this.#rt = formatMicroseconds(state.rtUs)
    this.#template.setLedgerTime(this.#rt)
    this.#nextOffset = state.nextOffset
    this.#lastOffset = Number(state.lastOffset)
    this.#leaderEpoch = state.leaderEpoch
    this.#lastEventSeq = state.lastEventSeq
  }

  /** The position that the next entry gets. */
  get nextSeq(): number {
    return this.#firstSeq + this.#records
  }

  get records(): number {
    return this.#records
  }

  /** Where reading the bus goes on after what was added. */
  get nextOffset(): bigint {
    return this.#nextOffset
  }

  /** The newest entry that holds a record, where it is in this log and known. */
  get lastEvent(): SealedEvent | null {
    return this.#lastEventSeq === null
      ? null
      : { seq: this.#lastEventSeq, offset: this.#lastOffset }
  }

  /** True when the batch has to be sealed before anything is added. */
  get isFull(): boolean {
    return this.#at >= batchBytes || this.#records >= batchRecords
  }

  get rtUs(): number {
    return this.#rtUs
  }

  /** The ledger time of what is added from now on. It never goes back, whatever the clock does. */
  setLedgerTime(us: number): void {
    if (us <= this.#rtUs) return
    this.#rtUs = us
    this.#rt = formatMicroseconds(us)
    this.#template.setLedgerTime(this.#rt)
  }

  addEvent(fields: EventLeafFields): void {
    const bytes = this.#buffer.bytes
    const text = this.#template.event(fields, this.nextSeq, this.#prev, this.#lastOffset)
    const length = bytes.write(text, this.#at + frameHeaderBytes)
    if (length > maxLeafBytes) throw new RangeError('a leaf is longer than an entry may be')
    this.#lastEventSeq = this.nextSeq
    this.#close(length)
    this.#lastOffset = fields.off
    this.#nextOffset = BigInt(fields.off) + 1n
    this.#leaderEpoch = fields.lepoch
  }

  /** Records that the offsets [from, to) are lost; reading goes on at `to`. */
  addLoss(from: bigint, to: bigint, reason: LossReason): void {
    this.#addLeaf({
      ...this.#leafBase(),
      type: 'loss',
      topic: this.#log.topic,
      part: this.#log.part,
      from: Number(from),
      to: Number(to),
      reason,
    })
    this.#nextOffset = to
  }

  addGenesis(vkey: string): void {
    const { topic, part } = this.#log
    this.#addLeaf({ ...this.#leafBase(), type: 'genesis', vkey, topic, part })
  }

  /** Closes the batch, which must hold something, with its commit frame, and begins the next. */
  seal(): SealedBatch {
    const { bytes, starts, leafHashes } = this.#buffer
    const records = this.#records
    const commit = {
      nextOffset: this.#nextOffset,
      lastOffset: BigInt(this.#lastOffset),
      leaderEpoch: this.#leaderEpoch,
      firstSeq: this.#firstSeq,
      size: this.#firstSeq + records,
      root: this.#tree.root(),
      chainHead: Buffer.from(leafHashes.subarray((records - 1) * hashBytes, records * hashBytes)),
      writerEpoch: this.#writerEpoch,
    }
    const length = writeCommitFrame(commit, bytes, this.#at)
    this.#turn = (this.#turn + 1) % buffers
    this.#buffer = this.#buffers[this.#turn] ?? this.#buffer
    this.#firstSeq = commit.size
    this.#records = 0
    this.#at = 0
    return {
      bytes,
      length,
      starts,
      records,
      commit,
      leafHashes: leafHashes.subarray(0, records * hashBytes),
      rows: this.#rows.take(),
    }
  }

  #leafBase(): Pick<Leaf, 'v' | 'log' | 'seq' | 'prev' | 'rt'> {
    return {
      v: 1,
      log: this.#log.origin,
      seq: this.nextSeq,
      prev: this.#prev,
      rt: this.#rt,
    }
  }

  #addLeaf(leaf: Leaf): void {
    const entry = encodeLeaf(leaf)
    entry.copy(this.#buffer.bytes, this.#at + frameHeaderBytes)
    this.#close(entry.length)
  }

  #close(length: number): void {
    const { bytes, starts, leafHashes, hashes } = this.#buffer
    const start = this.#at + checkedAt
    const end = this.#at + frameHeaderBytes + length
    bytes[start] = frameType.record
    const checked = bytes.subarray(start, end)
    sealFrame(bytes, this.#at, checked)
    // The frame type of a record is the prefix of a leaf hash, so the checked bytes are what is hashed.
    writeLeafHash(checked, leafHashes, this.#records * hashBytes)
    const leafHash = hashes[this.#records] ?? Buffer.alloc(0)
    this.#tree.append(leafHash, this.#rows.collect)
    this.#prev = leafHash.toString('base64')
    starts[this.#records] = start
    this.#records++
    this.#at = end
  }
}

interface BatchBuffer {
  readonly bytes: Buffer
  readonly starts: Uint32Array
  readonly leafHashes: Buffer
  /** A view of each of them. */
  readonly hashes: readonly Buffer[]
}

function newBuffer(): BatchBuffer {
  const leafHashes = Buffer.allocUnsafeSlow(batchRecords * hashBytes)
  return {
    bytes: Buffer.allocUnsafeSlow(capacity),
    starts: new Uint32Array(batchRecords),
    leafHashes,
    hashes: Array.from({ length: batchRecords }, (_, at) =>
      leafHashes.subarray(at * hashBytes, (at + 1) * hashBytes),
    ),
  }
}
