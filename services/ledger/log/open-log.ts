import { decodeLeaf } from '../../../schemas/leaf.ts'
import { BatchWriter } from './batch-writer.ts'
import type { Duplicates } from './duplicates.ts'
import { LedgerError } from '../error.ts'
import { decodeGenesis } from './genesis.ts'
import type { SignedHead } from '../storage/head-register.ts'
import { LogWriter } from './log-writer.ts'
import { packRoots } from './pack-hashes.ts'
import type { Signer } from '../proof/note.ts'
import { restoreTree } from './restore-tree.ts'
import { readSignedHeads } from './signed-heads.ts'
import type { SignedHeads } from './signed-heads.ts'
import type { LogStorage } from '../storage/storage.ts'
import { parseMicroseconds } from './timestamp.ts'
import { MerkleTree } from '../proof/tree.ts'

export interface OpenLogOptions {
  readonly signer: Signer
  readonly duplicates: Duplicates
}

/**
 * Opens a log as its writer after whatever ended the last one. First everything is checked, and a log that is damaged, forked or
 * set back is refused as it is; only then is a torn tail cut and an interrupted checkpoint completed. Owns the storage from here.
 */
export async function openLog(storage: LogStorage, options: OpenLogOptions): Promise<LogWriter> {
  try {
    return await recover(storage, options)
  } catch (error) {
    await storage[Symbol.asyncDispose]()
    throw error
  }
}

async function recover(storage: LogStorage, options: OpenLogOptions): Promise<LogWriter> {
  const { origin, entries, payloads } = storage
  const { signer, duplicates } = options
  const genesis = decodeGenesis(storage.genesis, origin)
  if (genesis.vkey !== signer.vkey) {
    throw new LedgerError(
      'LEDGER_DIFFERENT',
      `${origin} is signed by ${genesis.vkey}, not by ${signer.vkey}: a log keeps its key, so put the ledger's key file back`,
    )
  }
  const heads = await readSignedHeads(storage, signer.vkey)
  const { last } = entries
  if (heads.latest !== null && heads.latest.size > last.size) {
    throw new LedgerError(
      'LEDGER_ROLLED_BACK',
      `${origin}: a checkpoint of size ${heads.latest.size} was signed, but the segments end at entry ${last.size}`,
    )
  }
  const tree = await restoreTree(storage)
  await mustHoldHeads(storage, heads)
  const tail = await readTail(storage, duplicates)

  await entries.cut()
  await payloads.cut(last.size, tail.lastEvent)
  const signed = await completeCheckpoint(storage, heads)
  const batch = new BatchWriter(
    { origin, topic: genesis.topic, part: genesis.part },
    {
      tree,
      chainHead: last.chainHead,
      rtUs: tail.rtUs,
      nextOffset: last.nextOffset,
      lastOffset: last.lastOffset,
      leaderEpoch: last.leaderEpoch,
      writerEpoch: last.writerEpoch + 1,
      lastEventSeq: tail.lastEvent < 0 ? null : tail.lastEvent,
    },
  )
  return new LogWriter({ storage, signer, batch, duplicates, signed })
}

/** Each signed head must be a prefix of what is stored. */
async function mustHoldHeads(storage: LogStorage, heads: SignedHeads): Promise<void> {
  for (const head of [heads.latest, heads.registered, heads.published]) {
    if (head === null) continue
    const root = MerkleTree.ofRoots(head.size, await packRoots(storage.packs, head.size)).root()
    if (root.equals(head.root)) continue
    throw new LedgerError(
      'LEDGER_CORRUPT',
      `${storage.origin}: the entries do not give the root of the checkpoint of size ${head.size}: they were changed after it was signed`,
    )
  }
}

interface Tail {
  readonly rtUs: number
  /** The last entry that has a payload, -1 for none within the tail. */
  readonly lastEvent: number
}

async function readTail(storage: LogStorage, duplicates: Duplicates): Promise<Tail> {
  const { entries, origin } = storage
  const { size } = entries.last
  let rtUs = 0
  let lastEvent = -1
  for (let at = Math.max(0, size - duplicates.capacity); at < size;) {
    const block = await entries.read(at, size)
    for (const bytes of block) {
      const leaf = decodeLeaf(bytes)
      if (leaf.log !== origin || leaf.seq !== at) {
        throw new LedgerError(
          'LEDGER_CORRUPT',
          `${origin}: entry ${at} says that it is entry ${leaf.seq} of ${leaf.log}`,
        )
      }
      rtUs = parseMicroseconds(leaf.rt) ?? rtUs
      if (leaf.type === 'event') {
        lastEvent = at
        if (leaf.evt !== '' && leaf.dupOf === undefined) duplicates.note(leaf.evt, at)
      }
      at++
    }
  }
  return { rtUs, lastEvent }
}

/** A crash between the steps of a checkpoint: it was remembered, so it is a promise, and the rest is done now. */
async function completeCheckpoint(
  storage: LogStorage,
  heads: SignedHeads,
): Promise<SignedHead | null> {
  const { latest, registered, published } = heads
  if (latest === null) return null
  if (registered?.checkpoint !== latest.checkpoint) {
    const swapped = await storage.register.swap(registered, latest)
    if (!swapped.ok) {
      throw new LedgerError('LEDGER_FENCED', `${storage.origin}: another writer has moved the head`)
    }
  }
  if (published?.size !== latest.size) await storage.checkpoints.publish(latest.checkpoint)
  return latest
}
