/** Builds one message. Not for the hot path: what is relayed is forwarded as it came, never rebuilt. */
export class MessageWriter {
  readonly #parts: Buffer[] = []
  readonly #type: number | null

  /** `null` for the startup packets, which have no type byte. */
  constructor(type: number | null) {
    this.#type = type
  }

  uint8(value: number): this {
    this.#parts.push(Buffer.of(value))
    return this
  }

  int16(value: number): this {
    const part = Buffer.allocUnsafe(2)
    part.writeInt16BE(value)
    this.#parts.push(part)
    return this
  }

  uint16(value: number): this {
    const part = Buffer.allocUnsafe(2)
    part.writeUInt16BE(value)
    this.#parts.push(part)
    return this
  }

  int32(value: number): this {
    const part = Buffer.allocUnsafe(4)
    part.writeInt32BE(value)
    this.#parts.push(part)
    return this
  }

  uint32(value: number): this {
    const part = Buffer.allocUnsafe(4)
    part.writeUInt32BE(value)
    this.#parts.push(part)
    return this
  }

  bytes(value: Buffer): this {
    this.#parts.push(value)
    return this
  }

  /** A name that was read as latin1 goes back as the same bytes. */
  cstring(value: string): this {
    this.#parts.push(Buffer.from(value, 'latin1'), nul)
    return this
  }

  utf8(value: string): this {
    this.#parts.push(Buffer.from(value, 'utf8'), nul)
    return this
  }

  finish(): Buffer {
    const body = Buffer.concat(this.#parts)
    const length = Buffer.allocUnsafe(4)
    length.writeUInt32BE(body.length + 4)
    return this.#type === null
      ? Buffer.concat([length, body])
      : Buffer.concat([Buffer.of(this.#type), length, body])
  }
}

const nul = Buffer.of(0)
