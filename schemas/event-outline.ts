import { AvroCursor } from './avro-cursor.ts'
import { checkEvent, schemas } from './codec.ts'
import { completionOutcomes, decisionOutcomes } from './event-write.ts'
import { eventTypes } from './event-types.ts'
import type { EventType } from './event-types.ts'

/** What sealing and following an event need of it: read out of its bytes, the rest only looked through. */
export interface EventOutline {
  readonly schemaId: number
  readonly id: string
  readonly type: EventType
  /** Microseconds since 1970. */
  readonly occurredAt: number
  readonly producer: string
  readonly producerSeq: number
  /** 32 bytes, each of them a character (latin1). */
  readonly prev: string
  readonly sessionId: string | null
  /** Of its decision, else of its completion, else of its session. */
  readonly outcome: string | null
}

/** The outline of an event, for which `decodeEvent` gives the same values. Throws `CodecError` as that does. */
export function outlineEvent(value: Buffer): EventOutline {
  const { schemaId, starts } = checkEvent(value)
  const at = places.get(schemaId)
  if (at === undefined) throw new TypeError(`schema ${schemaId} has no places`)
  cursor.bytes = value
  const go = (field: number): AvroCursor => {
    cursor.at = starts[field] ?? 0
    return cursor
  }
  const prevAt = starts[at.prev] ?? 0
  return {
    schemaId,
    id: go(at.id).string(),
    type: eventTypes[go(at.type).long() - 1] ?? 'unknown',
    occurredAt: go(at.occurred_at).long(),
    producer: lastProducer.read(go(at.producer)),
    producerSeq: go(at.producer_seq).long(),
    prev: value.toString('latin1', prevAt, prevAt + 32),
    sessionId: go(at.session_id).long() === 0 ? null : lastSession.read(cursor),
    outcome:
      decisionOutcome(go(at.decision)) ??
      completionOutcome(go(at.completion)) ??
      sessionOutcome(go(at.session)),
  }
}

function decisionOutcome(cursor: AvroCursor): string | null {
  if (cursor.long() === 0) return null
  cursor.skip(cursor.long())
  return decisionOutcomes[cursor.long()] ?? null
}

function completionOutcome(cursor: AvroCursor): string | null {
  return cursor.long() === 0 ? null : (completionOutcomes[cursor.long()] ?? null)
}

function sessionOutcome(cursor: AvroCursor): string | null {
  if (cursor.long() === 0) return null
  // Protocol, database, role and application come first.
  cursor.skip(cursor.long())
  for (let field = 0; field < 3; field += 1) if (cursor.long() !== 0) cursor.skip(cursor.long())
  return optionalString(cursor)
}

function optionalString(cursor: AvroCursor): string | null {
  return cursor.long() === 0 ? null : cursor.string()
}

/** Gives the same string again while the bytes are the same: events of one producer and session come in runs. */
class LastString {
  #bytes = Buffer.alloc(0)
  #text = ''

  read(from: AvroCursor): string {
    const { bytes } = from
    const size = from.long()
    const start = from.at
    from.skip(size)
    if (!this.#isLast(bytes, start, size)) {
      this.#bytes = Buffer.from(bytes.subarray(start, from.at))
      this.#text = this.#bytes.toString()
    }
    return this.#text
  }

  #isLast(bytes: Buffer, start: number, size: number): boolean {
    const last = this.#bytes
    if (last.length !== size) return false
    for (let at = 0; at < size; at += 1) if (last[at] !== bytes[start + at]) return false
    return true
  }
}

/** One thread, no await between: they are never shared. */
const cursor = new AvroCursor()
const lastProducer = new LastString()
const lastSession = new LastString()

const fieldNames = [
  'id',
  'type',
  'occurred_at',
  'producer',
  'producer_seq',
  'prev',
  'session_id',
  'session',
  'decision',
  'completion',
] as const

type Places = Readonly<Record<(typeof fieldNames)[number], number>>

/** Which field of each schema is which. */
const places: ReadonlyMap<number, Places> = new Map(
  [...schemas].map(([id, { fields }]) => [
    id,
    Object.fromEntries(
      fieldNames.map((name) => [name, fields.findIndex((field) => field.name === name)]),
    ) as Places,
  ]),
)
