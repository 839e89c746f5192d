import { decodeEvent } from '../../schemas/codec.ts'
import type { AuditEvent } from '../../schemas/event.ts'
import { holdsEvent } from '../../schemas/leaf.ts'
import type { Entry, LedgerReader } from '../ledger/reader.ts'

/** The event of an entry; null where it was erased, and for a record that was set aside, whatever its bytes look like. */
export function eventOf({ leaf, payload }: Pick<Entry, 'leaf' | 'payload'>): AuditEvent | null {
  return payload !== null && holdsEvent(leaf) ? decodeEvent(payload) : null
}

/** The same, read. Throws as `LedgerReader.entry` does. */
export async function eventAt(
  reader: Pick<LedgerReader, 'entry'>,
  log: string,
  position: number,
): Promise<AuditEvent | null> {
  return eventOf(await reader.entry(log, position))
}
