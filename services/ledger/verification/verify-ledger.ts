import { LedgerError } from '../error.ts'
import { decodeGenesis } from '../log/genesis.ts'
import type { StorageReader } from '../ledger-reader.ts'
import { readUnverifiedCheckpoint } from '../proof/checkpoint.ts'
import { ProofError } from '../proof/error.ts'
import type { LedgerStorage } from '../storage/storage.ts'
import type { LedgerProblem, Verification, VerifiedLog, VerifyOptions } from './verification.ts'
import { verifyLog } from './verify-log.ts'

/**
 * Verifies everything: every frame, leaf, link, root, pack, signed checkpoint and payload commitment of every log, and that no log
 * is missing. Each log is read to its first broken part; the others are verified all the same.
 */
export async function verifyLedger(
  storage: LedgerStorage,
  reader: StorageReader,
  options: VerifyOptions = {},
): Promise<Verification> {
  const logs: VerifiedLog[] = []
  const problems: LedgerProblem[] = []
  const origins = await storage.origins()
  const remembered = rememberedByOrigin(options.remembered ?? [], problems)
  // The genesis of a period remembers the final checkpoint of the one before.
  for (const origin of origins) {
    const previous = await previousOf(reader, origin)
    if (previous === null) continue
    const notes = remembered.get(previous.log)
    if (notes === undefined) remembered.set(previous.log, [previous.checkpoint])
    else notes.push(previous.checkpoint)
  }
  for (const origin of [...(await storage.registeredOrigins()), ...remembered.keys()]) {
    if (origins.includes(origin) || problems.some((problem) => problem.origin === origin)) continue
    problems.push({ origin, file: 'logs', position: null, what: 'the whole log is missing' })
  }
  for (const origin of origins) {
    try {
      const log = await reader.log(origin)
      const notes = remembered.get(origin) ?? []
      const verified = await verifyLog(log, notes, (entries) => options.progress?.(origin, entries))
      logs.push(verified.log)
      problems.push(...verified.problems)
    } catch (error) {
      if (!(error instanceof LedgerError)) throw error
      problems.push({ origin, file: origin, position: null, what: error.message })
    }
  }
  return { logs, problems }
}

async function previousOf(
  reader: StorageReader,
  origin: string,
): Promise<{ log: string; checkpoint: string } | null> {
  try {
    return decodeGenesis((await reader.log(origin)).storage.genesis, origin).previous
  } catch (error) {
    if (error instanceof LedgerError) return null
    throw error
  }
}

function rememberedByOrigin(
  notes: readonly string[],
  problems: LedgerProblem[],
): Map<string, string[]> {
  const byOrigin = new Map<string, string[]>()
  for (const note of notes) {
    try {
      const { origin } = readUnverifiedCheckpoint(note)
      const kept = byOrigin.get(origin)
      if (kept === undefined) byOrigin.set(origin, [note])
      else kept.push(note)
    } catch (error) {
      if (!(error instanceof ProofError)) throw error
      problems.push({ origin: '', file: 'remembered', position: null, what: error.message })
    }
  }
  return byOrigin
}
