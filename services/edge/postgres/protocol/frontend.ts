import { BodyReader } from './body-reader.ts'
import { ProtocolError } from './error.ts'
import { frontend, headerBytes } from './message-types.ts'
import { MessageWriter } from './message-writer.ts'

/** What a client sends after startup, apart from the messages without fields (Sync, Flush, CopyDone, Terminate). */
export type FrontendMessage =
  | { readonly type: 'query'; readonly text: Buffer }
  | ({ readonly type: 'parse' } & Parse)
  | ({ readonly type: 'bind' } & Bind)
  | {
      readonly type: 'describe' | 'close'
      readonly of: 'statement' | 'portal'
      readonly name: string
    }
  | { readonly type: 'execute'; readonly portal: string; readonly maxRows: number }
  | ({ readonly type: 'function-call' } & FunctionCall)
  | { readonly type: 'copy-data'; readonly data: Buffer }
  | { readonly type: 'copy-fail'; readonly reason: string }
  | { readonly type: 'copy-done' | 'flush' | 'sync' | 'terminate' }
  | { readonly type: 'password'; readonly body: Buffer }

interface Parse {
  readonly statement: string
  readonly text: Buffer
  readonly parameterTypes: readonly number[]
}

interface Bind {
  readonly portal: string
  readonly statement: string
  readonly parameters: readonly BoundParameter[]
  readonly resultFormats: readonly number[]
}

/**
 * `value` is null for NULL; `format` is 0 for text, 1 for binary; `type` is the OID that the Parse declared for it, 0 or missing where
 * it left that to the target.
 */
export interface BoundParameter {
  readonly format: number
  readonly value: Buffer | null
  readonly type?: number
}

interface FunctionCall {
  readonly oid: number
  readonly parameters: readonly BoundParameter[]
  readonly resultFormat: number
}

/** Decodes the message at [start, end), header included. */
export function decodeFrontend(
  type: number,
  bytes: Buffer,
  start: number,
  end: number,
): FrontendMessage {
  const body = new BodyReader(bytes, start + headerBytes, end)
  const message = decodeBody(type, body)
  body.finish()
  return message
}

function decodeBody(type: number, body: BodyReader): FrontendMessage {
  switch (type) {
    case frontend.query:
      return { type: 'query', text: body.cstringBytes() }
    case frontend.parse:
      return { type: 'parse', ...decodeParse(body) }
    case frontend.bind:
      return { type: 'bind', ...decodeBind(body) }
    case frontend.describe:
      return { type: 'describe', of: decodeKind(body), name: body.name() }
    case frontend.close:
      return { type: 'close', of: decodeKind(body), name: body.name() }
    case frontend.execute:
      return { type: 'execute', portal: body.name(), maxRows: body.int32() }
    case frontend.functionCall:
      return { type: 'function-call', ...decodeFunctionCall(body) }
    case frontend.copyData:
      return { type: 'copy-data', data: body.bytes(body.remaining) }
    case frontend.copyFail:
      return { type: 'copy-fail', reason: body.utf8() }
    case frontend.copyDone:
      return { type: 'copy-done' }
    case frontend.flush:
      return { type: 'flush' }
    case frontend.sync:
      return { type: 'sync' }
    case frontend.terminate:
      return { type: 'terminate' }
    case frontend.password:
      return { type: 'password', body: body.bytes(body.remaining) }
    default:
      throw new ProtocolError('MESSAGE_UNEXPECTED', 'unknown message type')
  }
}

// Parse: String statement, String query, Int16 n, Int32 type OID × n
function decodeParse(body: BodyReader): Parse {
  const statement = body.name()
  const text = body.cstringBytes()
  const parameterTypes: number[] = []
  for (let left = body.uint16(); left > 0; left--) parameterTypes.push(body.uint32())
  return { statement, text, parameterTypes }
}

// Bind: String portal, String statement, Int16 n, Int16 format × n, Int16 m, (Int32 length, bytes) × m, Int16 k, Int16 format × k
function decodeBind(body: BodyReader): Bind {
  const portal = body.name()
  const statement = body.name()
  const parameters = decodeParameters(body)
  return { portal, statement, parameters, resultFormats: decodeFormats(body) }
}

// FunctionCall: Int32 function OID, arguments as in Bind, Int16 result format
function decodeFunctionCall(body: BodyReader): FunctionCall {
  return { oid: body.uint32(), parameters: decodeParameters(body), resultFormat: body.int16() }
}

// No format: all text. One: for all. Otherwise one per parameter. Length -1 is NULL.
function decodeParameters(body: BodyReader): BoundParameter[] {
  const formats = decodeFormats(body)
  const count = body.uint16()
  if (formats.length > 1 && formats.length !== count) {
    throw new ProtocolError('MESSAGE_MALFORMED', 'parameter formats do not match parameters')
  }
  const parameters: BoundParameter[] = []
  for (let index = 0; index < count; index++) {
    const format = formats[formats.length === 1 ? 0 : index] ?? 0
    const length = body.int32()
    if (length < -1) throw new ProtocolError('MESSAGE_MALFORMED', 'invalid parameter length')
    parameters.push({ format, value: length === -1 ? null : body.bytes(length) })
  }
  return parameters
}

function decodeFormats(body: BodyReader): number[] {
  const formats: number[] = []
  for (let left = body.uint16(); left > 0; left--) {
    const format = body.int16()
    if (format !== 0 && format !== 1) {
      throw new ProtocolError('MESSAGE_MALFORMED', 'unknown format code')
    }
    formats.push(format)
  }
  return formats
}

function decodeKind(body: BodyReader): 'statement' | 'portal' {
  const kind = body.uint8()
  if (kind === 0x53) return 'statement'
  if (kind === 0x50) return 'portal'
  throw new ProtocolError('MESSAGE_MALFORMED', 'neither statement nor portal')
}

export function encodeFrontend(message: FrontendMessage): Buffer {
  switch (message.type) {
    case 'query':
      return new MessageWriter(frontend.query).bytes(message.text).uint8(0).finish()
    case 'parse': {
      const writer = new MessageWriter(frontend.parse).cstring(message.statement)
      writer.bytes(message.text).uint8(0).uint16(message.parameterTypes.length)
      for (const oid of message.parameterTypes) writer.uint32(oid)
      return writer.finish()
    }
    case 'bind': {
      const writer = new MessageWriter(frontend.bind)
      writer.cstring(message.portal).cstring(message.statement)
      writeParameters(writer, message.parameters)
      writer.uint16(message.resultFormats.length)
      for (const format of message.resultFormats) writer.int16(format)
      return writer.finish()
    }
    case 'describe':
    case 'close': {
      const writer = new MessageWriter(
        message.type === 'describe' ? frontend.describe : frontend.close,
      )
      return writer
        .uint8(message.of === 'statement' ? 0x53 : 0x50)
        .cstring(message.name)
        .finish()
    }
    case 'execute':
      return new MessageWriter(frontend.execute)
        .cstring(message.portal)
        .int32(message.maxRows)
        .finish()
    case 'function-call': {
      const writer = new MessageWriter(frontend.functionCall).uint32(message.oid)
      writeParameters(writer, message.parameters)
      return writer.int16(message.resultFormat).finish()
    }
    case 'copy-data':
      return new MessageWriter(frontend.copyData).bytes(message.data).finish()
    case 'copy-fail':
      return new MessageWriter(frontend.copyFail).utf8(message.reason).finish()
    case 'copy-done':
      return new MessageWriter(frontend.copyDone).finish()
    case 'flush':
      return new MessageWriter(frontend.flush).finish()
    case 'sync':
      return new MessageWriter(frontend.sync).finish()
    case 'terminate':
      return new MessageWriter(frontend.terminate).finish()
    case 'password':
      return new MessageWriter(frontend.password).bytes(message.body).finish()
  }
}

function writeParameters(writer: MessageWriter, parameters: readonly BoundParameter[]): void {
  writer.uint16(parameters.length)
  for (const parameter of parameters) writer.int16(parameter.format)
  writer.uint16(parameters.length)
  for (const { value } of parameters) {
    if (value === null) writer.int32(-1)
    else writer.int32(value.length).bytes(value)
  }
}
