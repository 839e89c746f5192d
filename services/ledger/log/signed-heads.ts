import { LedgerError } from '../error.ts'
import type { SignedHead } from '../storage/head-register.ts'
import { openCheckpoint } from '../proof/checkpoint.ts'
import type { Checkpoint } from '../proof/checkpoint.ts'
import { ProofError } from '../proof/error.ts'
import type { LogStorage } from '../storage/storage.ts'

/** What the files of a log and the register say was signed. */
export interface SignedHeads {
  /** The newest of `checkpoints.log`. */
  readonly latest: SignedHead | null
  readonly registered: SignedHead | null
  /** The published note. */
  readonly published: Checkpoint | null
}

/**
 * Reads the signed heads and refuses what no crash explains. Signing goes: remember in `checkpoints.log`, swap the register,
 * publish. So the register may be behind the first, and the published one behind the register, never ahead of it. They are read the other
 * way round, so that this holds also beside a writer that signs meanwhile.
 */
export async function readSignedHeads(storage: LogStorage, vkey: string): Promise<SignedHeads> {
  const { origin, checkpoints, register } = storage
  const note = await checkpoints.published()
  const registered = await register.read()
  const latest = await checkpoints.latest()
  if (latest !== null) mustBeSigned(latest, vkey, `checkpoints.log of ${origin}`)
  if (registered !== null) mustBeSigned(registered, vkey, `the register's head of ${origin}`)
  const published =
    note === null ? null : openSigned(note, vkey, `the published checkpoint of ${origin}`)
  if (registered !== null) {
    mustCover(latest, registered, `${origin}: checkpoints.log`, "the register's head")
  }
  if (published !== null) {
    mustCover(registered, published, `${origin}: the register`, 'the published checkpoint')
  }
  return { latest, registered, published }
}

/** Throws `LEDGER_CORRUPT` unless the note is signed and says what the head says. */
export function mustBeSigned(head: SignedHead, vkey: string, what: string): void {
  const signed = openSigned(head.checkpoint, vkey, what)
  if (signed.size === head.size && signed.root.equals(head.root)) return
  throw new LedgerError('LEDGER_CORRUPT', `${what}: the note is of another head`)
}

function openSigned(note: string, vkey: string, what: string): Checkpoint {
  try {
    return openCheckpoint(note, vkey)
  } catch (cause) {
    if (!(cause instanceof ProofError)) throw cause
    throw new LedgerError('LEDGER_CORRUPT', `${what}: ${cause.message}`, { cause })
  }
}

function mustCover(
  newer: Checkpoint | SignedHead | null,
  older: Checkpoint | SignedHead,
  newerName: string,
  olderName: string,
): void {
  if (newer === null || newer.size < older.size) {
    throw new LedgerError(
      'LEDGER_ROLLED_BACK',
      `${newerName} ends at size ${newer?.size ?? 0}, but ${olderName} has size ${older.size}: files were set back or removed`,
    )
  }
  if (newer.size === older.size && !newer.root.equals(older.root)) {
    throw new LedgerError(
      'LEDGER_CORRUPT',
      `${newerName} and ${olderName} have two roots for size ${older.size}: the log was forked`,
    )
  }
}
