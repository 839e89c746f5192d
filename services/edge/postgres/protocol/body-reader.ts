import { ProtocolError } from './error.ts'

/**
 * Reads one message body and never past its end. Names come out as latin1, one character per byte, so two names
 * are equal exactly when their bytes are: what the target tells apart, the edge tells apart.
 */
export class BodyReader {
  readonly #bytes: Buffer
  readonly #end: number
  #at: number

  constructor(bytes: Buffer, start: number, end: number) {
    if (start < 0 || end > bytes.length || start > end) {
      throw new ProtocolError('MESSAGE_MALFORMED', 'message body lies outside its buffer')
    }
    this.#bytes = bytes
    this.#at = start
    this.#end = end
  }

  get remaining(): number {
    return this.#end - this.#at
  }

  uint8(): number {
    return this.#bytes.readUInt8(this.#take(1))
  }

  int16(): number {
    return this.#bytes.readInt16BE(this.#take(2))
  }

  uint16(): number {
    return this.#bytes.readUInt16BE(this.#take(2))
  }

  int32(): number {
    return this.#bytes.readInt32BE(this.#take(4))
  }

  uint32(): number {
    return this.#bytes.readUInt32BE(this.#take(4))
  }

  /** A slice, not a copy. */
  bytes(length: number): Buffer {
    const start = this.#take(length)
    return this.#bytes.subarray(start, start + length)
  }

  /** The name of a statement or portal. The target tells names apart by their first 63 bytes only: a longer one ends the session. */
  name(): string {
    const name = this.cstring()
    if (name.length > mostNameBytes) {
      throw new ProtocolError('LENGTH_OVER_LIMIT', `a name of more than ${mostNameBytes} bytes`)
    }
    return name
  }

  /** The bytes before the next NUL, which is consumed. */
  cstringBytes(): Buffer {
    const nul = this.#bytes.indexOf(0, this.#at)
    if (nul < 0 || nul >= this.#end) {
      throw new ProtocolError('MESSAGE_MALFORMED', 'string without terminator')
    }
    const start = this.#at
    this.#at = nul + 1
    return this.#bytes.subarray(start, nul)
  }

  cstring(): string {
    return this.cstringBytes().toString('latin1')
  }

  utf8(): string {
    return this.cstringBytes().toString('utf8')
  }

  /** Every field has been read: bytes left over mean that sender and reader disagree about the layout. */
  finish(): void {
    if (this.#at !== this.#end) {
      throw new ProtocolError('MESSAGE_MALFORMED', 'message is longer than its fields')
    }
  }

  #take(length: number): number {
    const start = this.#at
    if (length < 0 || length > this.#end - start) {
      throw new ProtocolError('MESSAGE_MALFORMED', 'message ends inside a field')
    }
    this.#at = start + length
    return start
  }
}

/** NAMEDATALEN - 1. */
const mostNameBytes = 63
