import type { ResponsePart } from '../../schemas/event.ts'

/**
 * Recorded results for reading: the RowDescription and DataRow messages of PostgreSQL as they went to the client. Decodes what is
 * whole and stops at what is not; recorded content may end within a message.
 */

export interface ReadableResult {
  /** One for each statement of the request that answered rows. */
  readonly results: readonly ReadableRows[]
  readonly truncated: boolean
  readonly copy: string | null
}

interface ReadableRows {
  readonly columns: readonly { readonly name: string; readonly typeOid: number }[]
  readonly rows: readonly (readonly (string | null)[])[]
}

const rowDescription = 0x54
const dataRow = 0x44

/** Of the parts of one answer, in order. */
export function readableResult(
  parts: readonly Pick<ResponsePart, 'encoding' | 'content' | 'truncated'>[],
): ReadableResult {
  const contents = (encoding: ResponsePart['encoding']): readonly Buffer[] =>
    parts.filter((part) => part.encoding === encoding).map(({ content }) => content)
  const { results, isCut } = readableRows(Buffer.concat(contents('postgres')))
  const copy = contents('copy')
  return {
    results,
    truncated: isCut || parts.some(({ truncated }) => truncated),
    copy: copy.length === 0 ? null : readableText(Buffer.concat(copy)),
  }
}

function readableRows(content: Buffer): {
  readonly results: readonly ReadableRows[]
  readonly isCut: boolean
} {
  const results: { columns: ReadableRows['columns']; rows: ReadableRows['rows'][number][] }[] = []
  let formats: readonly number[] = []
  let position = 0
  let isCut = false
  while (position < content.length) {
    const message = messageAt(content, position)
    if (message === null) {
      isCut = true
      break
    }
    if (message.type === rowDescription) {
      const described = describedColumns(message.body)
      formats = described.map((column) => column.format)
      results.push({ columns: described.map(({ name, typeOid }) => ({ name, typeOid })), rows: [] })
    } else if (message.type === dataRow) {
      // What describes them may not have been recorded.
      if (results.length === 0) results.push({ columns: [], rows: [] })
      results.at(-1)?.rows.push(rowValues(message.body, formats))
    }
    position = message.end
  }
  return { results, isCut }
}

/** Text where the bytes are UTF-8 without control characters but tab and line ends, else hex with the prefix `\x`. */
export function readableText(bytes: Buffer): string {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    // A NUL or an escape is not text to show.
    if (!/[^\P{Cc}\t\r\n]/u.test(text)) return text
  } catch {
    // Not UTF-8.
  }
  return `\\x${bytes.toString('hex')}`
}

interface Message {
  readonly type: number
  readonly body: Buffer
  readonly end: number
}

// Byte1 type, Int32 length with itself, body
function messageAt(content: Buffer, position: number): Message | null {
  if (position + 5 > content.length) return null
  const length = content.readUInt32BE(position + 1)
  const end = position + 1 + length
  if (length < 4 || end > content.length) return null
  return { type: content[position] ?? 0, body: content.subarray(position + 5, end), end }
}

// Int16 count, then per column: name NUL, Int32 table, Int16 attribute, Int32 type, Int16 size, Int32 modifier, Int16 format
function describedColumns(body: Buffer): { name: string; typeOid: number; format: number }[] {
  const columns: { name: string; typeOid: number; format: number }[] = []
  let position = 2
  while (position < body.length) {
    const nul = body.indexOf(0, position)
    if (nul < 0 || nul + 19 > body.length) break
    columns.push({
      name: body.toString('utf8', position, nul),
      typeOid: body.readUInt32BE(nul + 7),
      format: body.readUInt16BE(nul + 17),
    })
    position = nul + 19
  }
  return columns
}

// Int16 count, then per value: Int32 length or -1, bytes
function rowValues(body: Buffer, formats: readonly number[]): (string | null)[] {
  const values: (string | null)[] = []
  let position = 2
  while (position + 4 <= body.length) {
    const length = body.readInt32BE(position)
    position += 4
    if (length < 0) {
      values.push(null)
      continue
    }
    const value = body.subarray(position, position + length)
    values.push(formats[values.length] === 1 ? `\\x${value.toString('hex')}` : readableText(value))
    position += length
  }
  return values
}
