import type { StoredRecord } from '../bus/bus.ts'
import { sealedHeaders } from '../bus/topics.ts'
import type { SealedRecord } from './documents.ts'
import { IndexError } from './search-index.ts'

/** The record of `ledger.sealed` with what its headers say: origin and position as text, the leaf hash as 32 bytes. */
export function sealedRecordOf(record: StoredRecord): SealedRecord {
  const log = record.headers[sealedHeaders.log]?.toString('utf8') ?? ''
  const position = record.headers[sealedHeaders.position]?.toString('latin1') ?? ''
  const leafHash = record.headers[sealedHeaders.leafHash]
  if (log === '' || !/^\d{1,15}$/.test(position) || leafHash?.length !== 32) {
    throw new IndexError(
      'INDEX_RECORD_INVALID',
      `the record at offset ${record.offset} of the sealed topic does not say where it is sealed`,
    )
  }
  return { log, position: Number(position), leafHash, value: record.value }
}
