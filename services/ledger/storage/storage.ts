import type { CheckpointStore } from './checkpoint-store.ts'
import type { Batch, EntryStore } from './entry-store.ts'
import type { HashPacks } from './hash-packs.ts'
import type { HeadRegister } from './head-register.ts'
import type { PayloadStore } from './payload-store.ts'

/** Where the logs of a ledger are. */
export interface LedgerStorage extends AsyncDisposable {
  /** The origins of all logs, in order. */
  origins(): Promise<readonly string[]>
  /** The origins that the head register knows: a log that is there but not in `origins` was removed. */
  registeredOrigins(): Promise<readonly string[]>
  /** Makes a log, whole or not at all: its genesis record and a first batch with the genesis entry. */
  create(origin: string, genesis: Buffer, first: Batch): Promise<void>
  /** Opens a log as its only writer. Throws `LEDGER_LOCKED` while there is another. */
  openForWriting(origin: string): Promise<LogStorage>
  /** Opens a log beside its writer, or when there is none. */
  openForReading(origin: string): Promise<LogStorage>
}

/** Everything that belongs to one log. */
export interface LogStorage extends AsyncDisposable {
  readonly origin: string
  /** The bytes of the genesis record. */
  readonly genesis: Buffer
  readonly entries: EntryStore
  readonly register: HeadRegister
  readonly checkpoints: CheckpointStore
  readonly payloads: PayloadStore
  readonly packs: HashPacks
  readonly sealed: SealedPosition
}

/** How far entries were published on `ledger.sealed`. Advice: when it is lost or old, entries are published again. */
export interface SealedPosition {
  read(): Promise<number>
  write(position: number): Promise<void>
}
