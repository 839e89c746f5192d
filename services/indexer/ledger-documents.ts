import type { Entry, LedgerReader } from '../ledger/reader.ts'
import { documentOf, quarantineOf } from './documents.ts'
import type { IndexDocument } from './documents.ts'
import type { IndexRebuild } from './search-index.ts'

/** Statements can be long: a batch ends early when its payloads are. */
const batchBytes = 8 << 20

export interface EntryRange {
  readonly log: string
  readonly from: number
  readonly to: number
  /** Whether everything before `from` is in the index, so that its progress moves along. */
  readonly advances: boolean
}

/** Null where there is no payload: genesis, losses, erased entries. What was set aside stays so, whatever its bytes look like. */
export function entryDocument(entry: Entry): IndexDocument | null {
  const { payload, leaf } = entry
  if (payload === null) return null
  return documentOf({ ...entry, value: payload, quarantine: quarantineOf(leaf) })
}

/** Puts entries [from, to) of a log into the index. */
export async function indexEntries(
  ledger: LedgerReader,
  index: Pick<IndexRebuild, 'batchSize' | 'apply'>,
  range: EntryRange,
  signal: AbortSignal,
): Promise<void> {
  let documents: IndexDocument[] = []
  let bytes = 0
  const apply = async (indexed: number): Promise<void> => {
    const logs = range.advances ? [{ log: range.log, indexed }] : []
    if (documents.length > 0 || logs.length > 0) await index.apply(documents, { logs }, signal)
    documents = []
    bytes = 0
  }
  if (range.from >= range.to) return
  for await (const entry of ledger.entries(range.log, range.from, range.to)) {
    signal.throwIfAborted()
    const document = entryDocument(entry)
    if (document !== null) {
      documents.push(document)
      bytes += entry.payload?.length ?? 0
    }
    if (documents.length >= index.batchSize || bytes >= batchBytes) await apply(entry.position + 1)
  }
  await apply(range.to)
}
