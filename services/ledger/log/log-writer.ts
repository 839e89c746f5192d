import type { BatchWriter, SealedBatch } from './batch-writer.ts'
import type { Commit } from './commit.ts'
import type { Duplicates } from './duplicates.ts'
import { LedgerError, writeFailed } from '../error.ts'
import type { SignedHead } from '../storage/head-register.ts'
import { appendToPacks } from './pack-rows.ts'
import type { NewPayload } from '../storage/payload-store.ts'
import { RecentEntries } from './recent-entries.ts'
import { signCheckpoint } from '../proof/checkpoint.ts'
import type { Signer } from '../proof/note.ts'
import type { LogStorage } from '../storage/storage.ts'

/** What opening a log for writing found; see `open-log.ts`. */
export interface OpenedLog {
  readonly storage: LogStorage
  readonly signer: Signer
  readonly batch: BatchWriter
  readonly duplicates: Duplicates
  readonly signed: SignedHead | null
}

/**
 * One log under its only writer. Entries are added to `batch`; `commit` makes them durable, `checkpoint` makes them a promise.
 * After a failed write the outcome is unknown: every later call throws, and the log has to be opened again.
 */
export class LogWriter implements AsyncDisposable {
  readonly batch: BatchWriter
  readonly duplicates: Duplicates
  readonly storage: LogStorage
  readonly recent = new RecentEntries()
  readonly #signer: Signer
  #signed: SignedHead | null
  #durable: Commit
  #inFlight: Promise<void> = Promise.resolve()
  #checkpointing: Promise<unknown> = Promise.resolve()
  #failure: unknown = null

  constructor(opened: OpenedLog) {
    this.storage = opened.storage
    this.batch = opened.batch
    this.duplicates = opened.duplicates
    this.#signer = opened.signer
    this.#signed = opened.signed
    this.#durable = opened.storage.entries.last
  }

  get origin(): string {
    return this.storage.origin
  }

  /** Entries that a crash cannot take away. */
  get durableSize(): number {
    return this.#durable.size
  }

  get signed(): SignedHead | null {
    return this.#signed
  }

  /**
   * Seals what was added, with its payloads, and begins to write it. Resolves once the batch before is durable, so the next batch
   * can be filled meanwhile; `settled` says when all are.
   */
  async commit(payloads: readonly NewPayload[]): Promise<void> {
    await this.settled()
    if (this.batch.records === 0) return
    const sealed = this.batch.seal()
    this.#inFlight = this.#write(sealed, payloads)
    // Whoever asks next gets the error.
    this.#inFlight.catch(() => undefined)
  }

  /** Resolves when everything committed is durable. */
  async settled(): Promise<void> {
    this.#mustBeSound()
    await this.#inFlight
    this.#mustBeSound()
  }

  /**
   * Signs the durable size, remembers the checkpoint, moves the register and publishes it, each durably and in that order. Returns
   * null when there is nothing new to sign.
   */
  checkpoint(nowMs: number): Promise<SignedHead | null> {
    // One after the other: two swaps at once would fence each other.
    const checkpoint = this.#checkpointing.then(() => this.#checkpoint(nowMs))
    this.#checkpointing = checkpoint.catch(() => undefined)
    return checkpoint
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#inFlight.catch(() => undefined)
    await this.#checkpointing
    await this.storage[Symbol.asyncDispose]()
  }

  async #checkpoint(nowMs: number): Promise<SignedHead | null> {
    this.#mustBeSound()
    const last = this.#durable
    const expected = this.#signed
    if (expected !== null && expected.size === last.size) return null
    const { size, root } = last
    const next: SignedHead = {
      size,
      root,
      checkpoint: await signCheckpoint({ origin: this.origin, size, root }, this.#signer),
      signedAtMs: Math.max(nowMs, expected?.signedAtMs ?? 0),
    }
    try {
      await this.storage.checkpoints.append(next)
      const swapped = await this.storage.register.swap(expected, next)
      if (!swapped.ok) {
        throw new LedgerError(
          'LEDGER_FENCED',
          `${this.origin}: another writer has moved the head; this checkpoint was not published`,
        )
      }
      await this.storage.checkpoints.publish(next.checkpoint)
    } catch (cause) {
      throw this.#fail(cause, 'a checkpoint was not written')
    }
    this.#signed = next
    return next
  }

  // Payloads come first, so that no committed entry is without its payload; packs last, since they can be made again.
  async #write(sealed: SealedBatch, payloads: readonly NewPayload[]): Promise<void> {
    try {
      await this.storage.payloads.put(payloads)
      await this.storage.entries.append(sealed)
      await appendToPacks(this.storage.packs, sealed.leafHashes, sealed.rows)
      // Only now: whoever asks for a proof at a size that is signed finds its hashes.
      this.#durable = sealed.commit
      this.recent.add(sealed, payloads)
    } catch (cause) {
      throw this.#fail(cause, 'a batch was not written')
    }
  }

  #fail(cause: unknown, what: string): LedgerError {
    const error =
      cause instanceof LedgerError ? cause : writeFailed(`${this.origin}: ${what}`, cause)
    this.#failure ??= error
    return error
  }

  #mustBeSound(): void {
    if (this.#failure !== null) throw this.#failure
  }
}
