import { CodecError } from '../../../schemas/codec.ts'
import type { CodecErrorCode } from '../../../schemas/codec.ts'
import { outlineEvent } from '../../../schemas/event-outline.ts'
import type { EventOutline } from '../../../schemas/event-outline.ts'
import type { QuarantineReason } from '../../../schemas/leaf.ts'
import type { StoredRecord } from '../../bus/bus.ts'
import { partitionOf } from '../../bus/partitioner.ts'
import { isFormattable } from '../log/timestamp.ts'

/** What a record of the bus turned out to be. What is quarantined is sealed all the same, as the bytes it is. */
export type CheckedRecord =
  | { readonly type: 'event'; readonly outline: EventOutline }
  | {
      readonly type: 'quarantined'
      readonly reason: QuarantineReason
      /** Whose it claims to be, so that erasing reaches it; null where nothing says so. */
      readonly subject: string | null
    }

/** A payload is kept with its key, whose length has two bytes; of a longer key this much is kept. */
export const maxKeyBytes = 65_535
/** A leaf says these names, and has 65,535 bytes for everything. */
const maxNameLength = 4096

/** An event belongs under the key of its session, or of its producer where it has none, in the partition of that key. */
export function checkRecord(
  record: StoredRecord,
  partition: number,
  partitions: number,
): CheckedRecord {
  let outline: EventOutline
  try {
    outline = outlineEvent(record.value)
  } catch (error) {
    if (!(error instanceof CodecError)) throw error
    return { type: 'quarantined', reason: reasonOfCode[error.code], subject: null }
  }
  const subject = outline.sessionId ?? outline.producer
  const { key } = record
  const reason = !isSealable(outline)
    ? 'out_of_bounds'
    : key.length > maxKeyBytes
      ? 'key_too_long'
      : !isText(key, subject)
        ? 'wrong_key'
        : partitionOf(key, partitions) !== partition
          ? 'wrong_partition'
          : null
  return reason === null
    ? { type: 'event', outline }
    : { type: 'quarantined', reason, subject: subject === '' ? null : subject }
}

const reasonOfCode = {
  EVENT_FRAME_INVALID: 'no_frame',
  EVENT_SCHEMA_UNKNOWN: 'unknown_schema',
  EVENT_TRUNCATED: 'truncated',
  EVENT_TRAILING_BYTES: 'trailing_bytes',
  EVENT_BODY_INVALID: 'not_an_event',
} as const satisfies Readonly<Record<CodecErrorCode, QuarantineReason>>

function isSealable({ id, producer, producerSeq, occurredAt }: EventOutline): boolean {
  return isFormattable(occurredAt) && producerSeq >= 0 && isName(id) && isName(producer)
}

function isName(text: string): boolean {
  return text.length > 0 && text.length <= maxNameLength
}

/** Whether these bytes are the text in UTF-8. Nearly always both are ASCII. */
function isText(bytes: Buffer, text: string): boolean {
  if (bytes.length < text.length) return false
  if (bytes.length > text.length) return Buffer.from(text).equals(bytes)
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    if (code > 0x7f || code !== bytes[at]) return false
  }
  return true
}
