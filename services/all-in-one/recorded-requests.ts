import type { AuditEvent } from '../../schemas/event.ts'
import { eventOf } from '../api/sealed-event.ts'
import { FileLedgerStorage } from '../ledger/adapters/files/file-ledger-storage.ts'
import { StorageReader } from '../ledger/ledger-reader.ts'
import type { LedgerReader } from '../ledger/reader.ts'
import { dataPaths } from '../runtime/config.ts'
import type { Config } from '../runtime/config.ts'

/** A sealed `request.received`, with the `session.started` of its session where that is in the ledger. */
export interface RecordedRequest {
  readonly log: string
  readonly position: number
  readonly received: AuditEvent
  readonly started: AuditEvent | null
}

/** Requests received in [from, to), log by log in the order of their positions. Only reads the ledger, so its writer may be at work. */
export async function* recordedRequests(
  config: Config,
  fromMs: number,
  toMs: number,
): AsyncGenerator<RecordedRequest> {
  const { ledger } = dataPaths(config.dataDirectory)
  await using storage = await FileLedgerStorage.open({ directory: ledger })
  await using reader = new StorageReader(storage)
  for (const { origin, size } of await reader.logs()) {
    yield* requestsOf(reader, origin, size, fromMs * 1000, toMs * 1000)
  }
}

async function* requestsOf(
  reader: LedgerReader,
  origin: string,
  size: number,
  fromUs: number,
  toUs: number,
): AsyncGenerator<RecordedRequest> {
  // Events of one session are in one log, its start before its requests.
  const starts = new Map<string, AuditEvent>()
  for await (const entry of reader.entries(origin, 0, size)) {
    const { position, leaf } = entry
    // What a producer's retry brought twice was received once.
    if (leaf.type === 'event' && leaf.dupOf !== undefined) continue
    const event = eventOf(entry)
    if (event === null || event.session_id === null) continue
    if (event.type === 'session.started') starts.set(event.session_id, event)
    if (event.type === 'session.ended') starts.delete(event.session_id)
    if (event.type !== 'request.received') continue
    if (event.occurred_at < fromUs || event.occurred_at >= toUs) continue
    const started = starts.get(event.session_id) ?? null
    yield { log: origin, position, received: event, started }
  }
}
