import { BatchWriter } from './batch-writer.ts'
import type { LogIdentity } from './batch-writer.ts'
import type { Genesis } from './genesis.ts'
import { encodeGenesis, genesisHash } from './genesis.ts'
import { MerkleTree } from '../proof/tree.ts'
import type { LedgerStorage } from '../storage/storage.ts'

export interface NewLog extends LogIdentity {
  readonly vkey: string
  readonly previous: Genesis['previous']
  readonly nowUs: number
  /** Where reading the bus goes on; -1 to begin at the oldest record. */
  readonly nextOffset: bigint
  readonly lastOffset: bigint
}

/** Makes a log with its genesis entry. It is opened like any other afterwards. */
export async function createLog(storage: LedgerStorage, log: NewLog): Promise<void> {
  const { origin, topic, part, vkey, previous } = log
  const genesis = encodeGenesis({
    format: 'affidavit/log/v1',
    log: origin,
    topic,
    part,
    vkey,
    previous,
  })
  const writer = new BatchWriter(log, {
    tree: new MerkleTree(),
    chainHead: genesisHash(genesis),
    rtUs: log.nowUs,
    nextOffset: log.nextOffset,
    lastOffset: log.lastOffset,
    leaderEpoch: -1,
    writerEpoch: 0,
    lastEventSeq: null,
  })
  writer.addGenesis(vkey)
  await storage.create(origin, genesis, writer.seal())
}
