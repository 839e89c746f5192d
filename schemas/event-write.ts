import {
  writeAbsent,
  writeArray,
  writeBoolean,
  writeBytes,
  writeFixed,
  writeLong,
  writeOptionalString,
  writePresent,
  writeString,
} from './avro-write.ts'
import { eventTypes } from './event-types.ts'
import type {
  CompletionOutcome,
  CompletionPart,
  DecisionPart,
  EventHead,
  Parameter,
  RequestPart,
  ResponsePart,
} from './event.ts'
import type { EventType } from './event-types.ts'

/**
 * The bytes of what stands in nearly every event, written field by field in the order of `audit-event.avsc.json`: the general
 * encoder of avsc takes three times as long, and an edge does this twice for each statement. That both agree is tested.
 */

/** Avro numbers the symbols of an enum in their order; 0 is `unknown`. */
const indexOfType: ReadonlyMap<EventType, number> = new Map(
  eventTypes.map((type, index) => [type, index + 1]),
)
export const decisionOutcomes: readonly DecisionPart['outcome'][] = [
  'unknown',
  'allow',
  'block',
  'hold',
  'mask',
]
export const completionOutcomes: readonly CompletionOutcome[] = [
  'unknown',
  'ok',
  'error',
  'cancelled',
  'refused',
]
const sha256Bytes = 32

export function writeHead(head: EventHead, buffer: Buffer, start: number): number {
  let at = writeString(buffer, start, head.id)
  at = writeLong(buffer, at, indexOfType.get(head.type) ?? 0)
  at = writeLong(buffer, at, head.schema_version)
  at = writeLong(buffer, at, head.occurred_at)
  at = writeString(buffer, at, head.producer)
  at = writeLong(buffer, at, head.producer_seq)
  at = writeFixed(buffer, at, head.prev, sha256Bytes)
  return writeOptionalString(buffer, at, head.request_id)
}

export function writeRequest(part: RequestPart, buffer: Buffer, start: number): number {
  let at = writeString(buffer, start, part.operation)
  at = writeString(buffer, at, part.mode)
  at = writeBytes(buffer, at, part.statement)
  at = writeLong(buffer, at, part.statement_bytes)
  at = writeFixed(buffer, at, part.statement_sha256, sha256Bytes)
  at = writeArray(buffer, at, part.parameters, writeParameter)
  at = writeArray(buffer, at, part.reads, writeString)
  at = writeArray(buffer, at, part.writes, writeString)
  at = writeArray(buffer, at, part.functions, writeString)
  return writeOptionalString(buffer, at, part.tool_call_id)
}

export function writeDecision(part: DecisionPart, buffer: Buffer, start: number): number {
  let at = writeString(buffer, start, part.decision_id)
  at = writeLong(buffer, at, decisionOutcomes.indexOf(part.outcome))
  at = writeArray(buffer, at, part.rule_ids, writeString)
  return writeOptionalString(buffer, at, part.reason)
}

export function writeCompletion(part: CompletionPart, buffer: Buffer, start: number): number {
  let at = writeLong(buffer, start, completionOutcomes.indexOf(part.outcome))
  at = writeOptionalString(buffer, at, part.command_tag)
  at = writeLong(buffer, at, part.rows)
  at = writeLong(buffer, at, part.bytes_in)
  at = writeLong(buffer, at, part.bytes_out)
  at = writeOptionalString(buffer, at, part.error_code)
  at = writeOptionalString(buffer, at, part.error_message)
  at = writeLong(buffer, at, part.duration_us)
  at = writeOptionalSha256(buffer, at, part.response_sha256)
  at = writeArray(buffer, at, part.masked, writeMasked)
  return writeOptionalString(buffer, at, part.token_key_id)
}

export function writeResponse(part: ResponsePart, buffer: Buffer, start: number): number {
  let at = writeLong(buffer, start, part.chunk)
  at = writeString(buffer, at, part.encoding)
  at = writeBytes(buffer, at, part.content)
  return writeBoolean(buffer, at, part.truncated)
}

function writeParameter(buffer: Buffer, start: number, parameter: Parameter): number {
  let at = writeLong(buffer, start, parameter.format)
  at =
    parameter.value === null
      ? writeAbsent(buffer, at)
      : writeBytes(buffer, writePresent(buffer, at), parameter.value)
  at = writeLong(buffer, at, parameter.value_bytes)
  return writeOptionalSha256(buffer, at, parameter.value_sha256)
}

function writeMasked(
  buffer: Buffer,
  start: number,
  { data_class, count }: CompletionPart['masked'][number],
): number {
  return writeLong(buffer, writeString(buffer, start, data_class), count)
}

function writeOptionalSha256(buffer: Buffer, at: number, value: Buffer | null): number {
  if (value === null) return writeAbsent(buffer, at)
  return writeFixed(buffer, writePresent(buffer, at), value, sha256Bytes)
}
