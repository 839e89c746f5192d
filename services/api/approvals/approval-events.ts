import { deserialize, serialize } from 'node:v8'

import { LRUCache } from 'lru-cache'

import type { AuditEvent, RequestPart } from '../../../schemas/event.ts'
import type { LedgerReader } from '../../ledger/reader.ts'
import { eventAt } from '../sealed-event.ts'

/** An event of which a long request is cut: the statement to its beginning, the values away. */
export interface Beginning {
  readonly event: AuditEvent
  readonly isCut: boolean
}

const mostBytes = 128 * 1024 * 1024
const mostWholeBytes = 64 * 1024 * 1024
/** Up to so many bytes of statement and values a request is short. */
const shortBytes = 4_096
const beginningBytes = 2_048
/** An allowance for all but the request. */
const restBytes = 2_048

/**
 * The sealed events of approvals. Entries do not change, so each is read once, and what is to be known of it at any time kept, however
 * long the statement is; whole, only those that were looked at last, up to a bound of bytes: the others are read again.
 */
export class ApprovalEvents {
  readonly #reader: LedgerReader
  /** By log and position. */
  readonly #beginnings = new LRUCache<string, Beginning>({
    maxSize: mostBytes,
    sizeCalculation: ({ event: { request } }) => sizeOf(request) + restBytes,
  })
  readonly #whole = new LRUCache<string, AuditEvent>({
    maxSize: mostWholeBytes,
    sizeCalculation: ({ request }) => sizeOf(request) + restBytes,
  })

  constructor(reader: LedgerReader) {
    this.#reader = reader
  }

  /** Null where it was erased or set aside. Throws as `LedgerReader.entry` does. */
  async beginning(log: string, position: number): Promise<Beginning | null> {
    const key = keyOf(log, position)
    const known = this.#beginnings.get(key)
    if (known !== undefined) return known
    const event = await eventAt(this.#reader, log, position)
    if (event === null) return null
    const isCut = sizeOf(event.request) > shortBytes
    const request = isCut && event.request !== null ? beginningOf(event.request) : event.request
    const beginning = { event: detached({ ...event, request }), isCut }
    this.#beginnings.set(key, beginning)
    return beginning
  }

  /** The same, with all that is recorded of it. */
  async whole(log: string, position: number): Promise<AuditEvent | null> {
    const beginning = await this.beginning(log, position)
    if (beginning === null || !beginning.isCut) return beginning?.event ?? null
    const key = keyOf(log, position)
    const known = this.#whole.get(key)
    if (known !== undefined) return known
    const event = await eventAt(this.#reader, log, position)
    if (event !== null) this.#whole.set(key, detached(event))
    return event
  }
}

function keyOf(log: string, position: number): string {
  return `${log}:${position}`
}

/** In bytes, as it is recorded. */
function sizeOf(request: RequestPart | null): number {
  const values = request?.parameters.map(({ value }) => value?.length ?? 0) ?? []
  return values.reduce((sum, length) => sum + length, request?.statement.length ?? 0)
}

function beginningOf(request: RequestPart): RequestPart {
  const head = request.statement.subarray(0, beginningBytes)
  // No character is cut in two.
  const text = new TextDecoder().decode(head, { stream: true })
  return { ...request, statement: Buffer.from(text), parameters: [] }
}

/** The bytes of a decoded event lie in those of its entry, which are not to be kept for it. */
function detached(event: AuditEvent): AuditEvent {
  return deserialize(serialize(event)) as AuditEvent
}
