import { populationColumns, populationRow } from '../../reports/population-row.ts'
import type { FrozenInputs } from '../../reports/frozen.ts'
import type { Sample } from '../../reports/sample.ts'
import { decodeEvent } from '../../schemas/codec.ts'
import type { AuditEvent } from '../../schemas/event.ts'
import { formatTlogProof } from '../ledger/proof/tlog-proof.ts'
import type { Entry, LedgerReader } from '../ledger/reader.ts'
import { ReportError } from './error.ts'
import type { Population } from './population.ts'
import { csv } from './render/csv.ts'

export const sampleFile = 'samples/events.csv'
export const leavesFile = 'ledger/leaves.jsonl'

/** Beyond the columns of the population; the last four are for the person who examines. */
export const sampleColumns = [
  ...populationColumns,
  'stratum',
  'ticket',
  'proof_file',
  'rendering',
  'examined_by',
  'examined_at',
  'agrees',
  'remarks',
] as const

export interface SampledEntries {
  readonly csv: Buffer
  /** Raw leaves, one a line, in the order of the rows. */
  readonly leaves: Buffer
  readonly proofs: readonly { readonly path: string; readonly text: string }[]
}

/** Each sampled row with its leaf and a proof that it is in the log below the frozen checkpoint. */
export async function provenSample(
  reader: LedgerReader,
  frozen: FrozenInputs,
  population: Population,
  sample: Sample,
  onProgress: (done: number, total: number) => void,
): Promise<SampledEntries> {
  const rows: (readonly string[])[] = [sampleColumns]
  const leaves: Buffer[] = []
  const proofs: { path: string; text: string }[] = []
  for (const { at, ticket } of sample.chosen) {
    const place = population.places[at]
    const candidate = population.candidates[at]
    const log = frozen.checkpoints.findIndex(({ origin }) => origin === place?.log)
    const checkpoint = frozen.checkpoints[log]
    if (place === undefined || candidate === undefined || checkpoint === undefined) {
      throw new ReportError('REPORT_NO_LEDGER', `the sample names row ${at}, which is not there`)
    }
    const { position } = place
    const entry = await reader.entry(place.log, position)
    const path = await reader.inclusionProof(place.log, position, checkpoint.size)
    const proofFile = proofPath(log, position)
    proofs.push({
      path: proofFile,
      text: formatTlogProof({ index: position, path, checkpoint: checkpoint.note }),
    })
    leaves.push(entry.leafBytes, Buffer.from('\n'))
    const { row, event } = rowOf(entry)
    rows.push([...row, candidate.stratum, ticket, proofFile, rendering(event), '', '', '', ''])
    onProgress(proofs.length, sample.chosen.length)
  }
  return { csv: csv(rows), leaves: Buffer.concat(leaves), proofs }
}

function proofPath(log: number, position: number): string {
  return `ledger/inclusion/${log + 1}-${position}.tlog-proof`
}

function rowOf(entry: Entry): { row: readonly string[]; event: AuditEvent | null } {
  const { log, position, leaf, leafHash, payload } = entry
  if (leaf.type !== 'event') {
    throw new ReportError('REPORT_NO_LEDGER', `entry ${position} of ${log} is not an event`)
  }
  const event = payload === null ? null : decodeEvent(payload)
  return { row: populationRow({ log, position, leaf, leafHash, event }), event }
}

/** What happened, without a literal of a statement: a bundle leaves the organization, and literals may be personal data. */
function rendering(event: AuditEvent | null): string {
  if (event === null) return 'the payload was erased'
  const parts: string[] = []
  const { request, decision, completion, session, edge, change } = event
  if (request !== null) {
    parts.push(`${request.operation} (${request.mode})`)
    if (request.reads.length > 0) parts.push(`reads ${request.reads.join(', ')}`)
    if (request.writes.length > 0) parts.push(`writes ${request.writes.join(', ')}`)
    parts.push(
      `statement of ${request.statement_bytes} bytes, SHA-256 ${request.statement_sha256.toString('hex')}`,
    )
  }
  if (decision !== null) parts.push(`${decision.outcome} by ${decision.rule_ids.join(', ')}`)
  if (completion !== null) {
    parts.push(
      `${completion.outcome}, ${completion.rows} rows, ${completion.bytes_out} bytes out, ${completion.duration_us} µs`,
    )
    if (completion.error_code !== null) parts.push(`SQLSTATE ${completion.error_code}`)
  }
  if (session !== null) {
    parts.push(`${session.protocol} session on ${session.database ?? 'no database'}`)
  }
  if (edge !== null) parts.push(`${edge.state}, ${edge.sessions} sessions`)
  if (change !== null) parts.push(`${change.what}, SHA-256 ${change.digest.toString('hex')}`)
  return parts.length === 0 ? event.type : parts.join('; ')
}
