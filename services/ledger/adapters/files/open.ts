import { StorageReader } from '../../ledger-reader.ts'
import { createLedger, openLedger as openLedgerOf } from '../../ledger.ts'
import type { Ledger, LedgerOptions } from '../../ledger.ts'
import { verifyLedger } from '../../verification/verify-ledger.ts'
import type { Verification, VerifyOptions } from '../../verification/verification.ts'
import { FileLedgerStorage } from './file-ledger-storage.ts'
import type { FileStorageOptions } from './file-ledger-storage.ts'

export interface FileLedgerOptions extends Omit<LedgerOptions, 'storage'>, FileStorageOptions {}

/** Makes a ledger in a directory. Throws `LEDGER_EXISTS`. */
export async function initLedger(options: FileLedgerOptions): Promise<void> {
  await FileLedgerStorage.create(options)
  await using storage = await FileLedgerStorage.open(options)
  await createLedger({ ...options, storage })
}

/** Opens it as its only writer. Throws `LEDGER_MISSING`, `LEDGER_LOCKED`, and what recovery refuses. */
export async function openLedger(options: FileLedgerOptions): Promise<Ledger> {
  return openLedgerOf({ ...options, storage: await FileLedgerStorage.open(options) })
}

export interface ReadOnlyLedger extends AsyncDisposable {
  readonly reader: StorageReader
  verify(options?: VerifyOptions): Promise<Verification>
}

/** Reads a ledger, also while another process writes it. Throws `LEDGER_MISSING`. */
export async function openLedgerReader(options: FileStorageOptions): Promise<ReadOnlyLedger> {
  const storage = await FileLedgerStorage.open(options)
  const reader = new StorageReader(storage)
  return {
    reader,
    verify: (verifyOptions) => verifyLedger(storage, reader, verifyOptions),
    async [Symbol.asyncDispose]() {
      await reader[Symbol.asyncDispose]()
      await storage[Symbol.asyncDispose]()
    },
  }
}
