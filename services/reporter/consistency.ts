import type { FrozenInputs } from '../../reports/frozen.ts'
import { count } from '../../reports/report-document.ts'
import { verifyConsistency } from '../ledger/proof/consistency.ts'
import type { LedgerReader } from '../ledger/reader.ts'

/** `ledger/consistency.json`: that each log only grew since the previous report. Hashes in hex. */
export interface ConsistencyFile {
  readonly previous_report: string | null
  readonly logs: readonly LogConsistency[]
}

export interface LogConsistency {
  readonly origin: string
  readonly old_size: number
  readonly old_root: string
  readonly new_size: number
  readonly new_root: string
  readonly path: readonly string[]
}

/** Proofs are checked before they are handed out. `lines` says the same for a reader, one line per log. */
export async function proveConsistency(
  reader: LedgerReader,
  frozen: FrozenInputs,
): Promise<{ readonly file: ConsistencyFile; readonly lines: readonly string[] }> {
  const { previous, checkpoints } = frozen
  const logs: LogConsistency[] = []
  const lines: string[] = []
  for (const { origin, size, root } of checkpoints) {
    const old = previous?.checkpoints.find((each) => each.origin === origin)
    if (previous === null || old === undefined) {
      lines.push(previous === null ? 'there is none' : 'the log is new')
      continue
    }
    const path = await reader.consistencyProof(origin, old.size, size)
    verifyConsistency(old.size, size, old.root, root, path)
    logs.push({
      origin,
      old_size: old.size,
      old_root: old.root.toString('hex'),
      new_size: size,
      new_root: root.toString('hex'),
      path: path.map((hash) => hash.toString('hex')),
    })
    lines.push(
      `${count(size - old.size)} entries were added after the ${count(old.size)} of ${previous.reportId}, and those are unchanged (proof: ledger/consistency.json)`,
    )
  }
  return { file: { previous_report: previous?.reportId ?? null, logs }, lines }
}
