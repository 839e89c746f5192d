import type { StoredRecord } from '../bus/bus.ts'
import { sealedHeaders } from '../bus/topics.ts'
import type { SealedRecord } from './documents.ts'

/**
 * The record of `ledger.sealed` with what its headers say: origin as text, position in decimal, the leaf hash as its 32 bytes. Null for
 * a record that does not say where it is sealed: no ledger sent it.
 */
export function sealedRecordOf(record: StoredRecord): SealedRecord | null {
  const log = record.headers[sealedHeaders.log]?.toString('utf8') ?? ''
  const position = record.headers[sealedHeaders.position]?.toString('latin1') ?? ''
  const leafHash = record.headers[sealedHeaders.leafHash]
  if (log === '' || !/^\d{1,15}$/.test(position) || leafHash?.length !== 32) return null
  const reason = record.headers[sealedHeaders.quarantined]?.toString('utf8')
  const source = record.headers[sealedHeaders.source]?.toString('utf8') ?? null
  const quarantine = reason === undefined ? null : { reason, source }
  return { log, position: Number(position), leafHash, value: record.value, quarantine }
}
