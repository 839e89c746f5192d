import { BodyReader } from './body-reader.ts'
import { ProtocolError } from './error.ts'
import { backend, headerBytes } from './message-types.ts'
import { MessageWriter } from './message-writer.ts'

/** I idle, T in a transaction, E in a failed transaction. */
export type TransactionStatus = 'I' | 'T' | 'E'

/** What the edge reads of the target's answers; other types are relayed unread. */
export type BackendMessage =
  | { readonly type: 'authentication'; readonly authentication: Authentication }
  | { readonly type: 'backend-key-data'; readonly processId: number; readonly key: Buffer }
  | { readonly type: 'command-complete'; readonly tag: string }
  | { readonly type: 'data-row'; readonly values: readonly (Buffer | null)[] }
  | { readonly type: 'error' | 'notice'; readonly fields: ReportFields }
  | {
      readonly type: 'negotiate-protocol-version'
      readonly minor: number
      readonly options: readonly string[]
    }
  | { readonly type: 'parameter-status'; readonly name: string; readonly value: string }
  | { readonly type: 'ready-for-query'; readonly status: TransactionStatus }
  | { readonly type: 'row-description'; readonly columns: readonly Column[] }

export type Authentication =
  | { readonly method: 'ok' | 'cleartext' }
  | { readonly method: 'md5'; readonly salt: Buffer }
  | { readonly method: 'sasl'; readonly mechanisms: readonly string[] }
  | { readonly method: 'sasl-continue' | 'sasl-final'; readonly data: Buffer }
  | { readonly method: 'unsupported'; readonly code: number }

/** Fields of ErrorResponse and NoticeResponse by their code letter, in order: S, V, C, M, D, H, P … */
export type ReportFields = ReadonlyMap<string, string>

export interface Column {
  readonly name: string
  readonly tableOid: number
  readonly attributeNumber: number
  readonly typeOid: number
  readonly typeSize: number
  readonly typeModifier: number
  readonly format: number
}

/** Decodes the message at [start, end), header included; null for a type that is only relayed. */
export function decodeBackend(
  type: number,
  bytes: Buffer,
  start: number,
  end: number,
): BackendMessage | null {
  const body = new BodyReader(bytes, start + headerBytes, end)
  const message = decodeBody(type, body)
  if (message !== null) body.finish()
  return message
}

function decodeBody(type: number, body: BodyReader): BackendMessage | null {
  switch (type) {
    case backend.authentication:
      return { type: 'authentication', authentication: decodeAuthentication(body) }
    case backend.backendKeyData:
      return decodeKeyData(body)
    case backend.commandComplete:
      return { type: 'command-complete', tag: body.utf8() }
    case backend.dataRow:
      return { type: 'data-row', values: decodeValues(body) }
    case backend.errorResponse:
      return { type: 'error', fields: decodeFields(body) }
    case backend.noticeResponse:
      return { type: 'notice', fields: decodeFields(body) }
    case backend.negotiateProtocolVersion:
      return decodeNegotiate(body)
    case backend.parameterStatus:
      return { type: 'parameter-status', name: body.utf8(), value: body.utf8() }
    case backend.readyForQuery:
      return { type: 'ready-for-query', status: transactionStatus(body.uint8()) }
    case backend.rowDescription:
      return { type: 'row-description', columns: decodeColumns(body) }
    default:
      return null
  }
}

export function transactionStatus(byte: number): TransactionStatus {
  if (byte === 0x49) return 'I'
  if (byte === 0x54) return 'T'
  if (byte === 0x45) return 'E'
  throw new ProtocolError('MESSAGE_MALFORMED', 'unknown transaction status')
}

// Authentication: Int32 method, then what the method calls for
function decodeAuthentication(body: BodyReader): Authentication {
  const code = body.int32()
  switch (code) {
    case 0:
      return { method: 'ok' }
    case 3:
      return { method: 'cleartext' }
    case 5:
      return { method: 'md5', salt: body.bytes(4) }
    case 10: {
      const mechanisms: string[] = []
      for (let name = body.utf8(); name !== ''; name = body.utf8()) mechanisms.push(name)
      return { method: 'sasl', mechanisms }
    }
    case 11:
      return { method: 'sasl-continue', data: body.bytes(body.remaining) }
    case 12:
      return { method: 'sasl-final', data: body.bytes(body.remaining) }
    default:
      body.bytes(body.remaining)
      return { method: 'unsupported', code }
  }
}

// BackendKeyData: Int32 process id, 4 bytes of key (3.0) or 4 to 256 (3.2)
function decodeKeyData(body: BodyReader): BackendMessage {
  const processId = body.int32()
  const length = body.remaining
  if (length < 4 || length > 256) {
    throw new ProtocolError('MESSAGE_MALFORMED', 'cancel key has an impossible length')
  }
  return { type: 'backend-key-data', processId, key: Buffer.from(body.bytes(length)) }
}

// ErrorResponse, NoticeResponse: (Byte1 code, String value)*, Byte1 0
function decodeFields(body: BodyReader): ReportFields {
  const fields = new Map<string, string>()
  for (let code = body.uint8(); code !== 0; code = body.uint8()) {
    fields.set(String.fromCharCode(code), body.utf8())
  }
  return fields
}

// NegotiateProtocolVersion: Int32 newest version (major and minor), Int32 n, String option × n
function decodeNegotiate(body: BodyReader): BackendMessage {
  const minor = body.int32() & 0xffff
  const options: string[] = []
  for (let left = body.int32(); left > 0; left--) options.push(body.utf8())
  return { type: 'negotiate-protocol-version', minor, options }
}

// DataRow: Int16 n, (Int32 length or -1 for NULL, bytes) × n
function decodeValues(body: BodyReader): (Buffer | null)[] {
  const values: (Buffer | null)[] = []
  for (let left = body.uint16(); left > 0; left--) {
    const length = body.int32()
    if (length < -1) throw new ProtocolError('MESSAGE_MALFORMED', 'invalid column length')
    values.push(length === -1 ? null : body.bytes(length))
  }
  return values
}

// RowDescription: Int16 n, (String name, Int32 table, Int16 attribute, Int32 type, Int16 size, Int32 modifier, Int16 format) × n
function decodeColumns(body: BodyReader): Column[] {
  const columns: Column[] = []
  for (let left = body.uint16(); left > 0; left--) {
    columns.push({
      name: body.utf8(),
      tableOid: body.uint32(),
      attributeNumber: body.int16(),
      typeOid: body.uint32(),
      typeSize: body.int16(),
      typeModifier: body.int32(),
      format: body.int16(),
    })
  }
  return columns
}

export function encodeBackend(message: BackendMessage): Buffer {
  switch (message.type) {
    case 'authentication':
      return encodeAuthentication(message.authentication)
    case 'backend-key-data':
      return new MessageWriter(backend.backendKeyData)
        .int32(message.processId)
        .bytes(message.key)
        .finish()
    case 'command-complete':
      return new MessageWriter(backend.commandComplete).utf8(message.tag).finish()
    case 'data-row': {
      const writer = new MessageWriter(backend.dataRow).uint16(message.values.length)
      for (const value of message.values) {
        if (value === null) writer.int32(-1)
        else writer.int32(value.length).bytes(value)
      }
      return writer.finish()
    }
    case 'error':
    case 'notice': {
      const writer = new MessageWriter(
        message.type === 'error' ? backend.errorResponse : backend.noticeResponse,
      )
      for (const [code, value] of message.fields) writer.uint8(code.charCodeAt(0)).utf8(value)
      return writer.uint8(0).finish()
    }
    case 'negotiate-protocol-version': {
      const writer = new MessageWriter(backend.negotiateProtocolVersion)
      writer.int32((3 << 16) | message.minor).int32(message.options.length)
      for (const option of message.options) writer.utf8(option)
      return writer.finish()
    }
    case 'parameter-status':
      return new MessageWriter(backend.parameterStatus)
        .utf8(message.name)
        .utf8(message.value)
        .finish()
    case 'ready-for-query':
      return new MessageWriter(backend.readyForQuery).uint8(message.status.charCodeAt(0)).finish()
    case 'row-description': {
      const writer = new MessageWriter(backend.rowDescription).uint16(message.columns.length)
      for (const column of message.columns) {
        writer.utf8(column.name).uint32(column.tableOid).int16(column.attributeNumber)
        writer.uint32(column.typeOid).int16(column.typeSize).int32(column.typeModifier)
        writer.int16(column.format)
      }
      return writer.finish()
    }
  }
}

function encodeAuthentication(authentication: Authentication): Buffer {
  const writer = new MessageWriter(backend.authentication)
  switch (authentication.method) {
    case 'ok':
      return writer.int32(0).finish()
    case 'cleartext':
      return writer.int32(3).finish()
    case 'md5':
      return writer.int32(5).bytes(authentication.salt).finish()
    case 'sasl':
      writer.int32(10)
      for (const mechanism of authentication.mechanisms) writer.utf8(mechanism)
      return writer.uint8(0).finish()
    case 'sasl-continue':
      return writer.int32(11).bytes(authentication.data).finish()
    case 'sasl-final':
      return writer.int32(12).bytes(authentication.data).finish()
    case 'unsupported':
      return writer.int32(authentication.code).finish()
  }
}

export interface Report {
  readonly severity: 'ERROR' | 'FATAL'
  readonly sqlState: string
  readonly message: string
  readonly detail?: string
  readonly hint?: string
  /** In characters of the statement, the first is 1. */
  readonly position?: number
}

export function encodeError(report: Report): Buffer {
  return encodeBackend({ type: 'error', fields: fieldsOf(report) })
}

/** Something the client is told while nothing is wrong. */
export function encodeNotice(report: Omit<Report, 'severity'>): Buffer {
  return encodeBackend({ type: 'notice', fields: fieldsOf({ severity: 'NOTICE', ...report }) })
}

function fieldsOf(
  report: Omit<Report, 'severity'> & { readonly severity: string },
): Map<string, string> {
  const fields = new Map([
    ['S', report.severity],
    ['V', report.severity],
    ['C', report.sqlState],
    ['M', report.message],
  ])
  if (report.detail !== undefined) fields.set('D', report.detail)
  if (report.hint !== undefined) fields.set('H', report.hint)
  if (report.position !== undefined) fields.set('P', String(report.position))
  return fields
}
