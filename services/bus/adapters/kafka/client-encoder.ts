import { createRequire } from 'node:module'

/*
 * kafkajs 2.2.4 nests encoders: a batch is copied into that of its partition, of its topic, of the request, of the frame around it, and
 * each makes room by doubling a buffer filled with zeros. That is some ten times the bytes of a request, outside V8's heap, which
 * collects all of it for them, again and again. Here a large part is only kept, and copied once: when the outermost one is asked for
 * its bytes.
 */
interface Encoder {
  readonly buf: Buffer
  readonly offset: number
  readonly buffer: Buffer
  size: (this: Encoder) => number
  writeEncoder: (this: Encoder, part: Encoder) => Encoder
  writeEncoderArray: (this: Encoder, parts: readonly Encoder[]) => Encoder
  [keptParts]?: KeptPart[]
  [assembled]?: Buffer
}

interface KeptPart {
  /** How many of the encoder's own bytes come before it. */
  readonly at: number
  readonly part: Encoder
  readonly size: number
}

const keptParts = Symbol('parts')
const assembled = Symbol('assembled')
/** A smaller one is copied at once. */
const largeBytes = 4_096

const require = createRequire(import.meta.url)
const { prototype } = require('kafkajs/src/protocol/encoder') as { readonly prototype: Encoder }
const copyPart = prototype.writeEncoder

prototype.writeEncoder = function writeEncoder(this: Encoder, part: Encoder): Encoder {
  const size = part.size()
  if (size < largeBytes) return copyPart.call(this, part)
  const parts = (this[keptParts] ??= [])
  parts.push({ at: this.offset, part, size })
  return this
}

prototype.writeEncoderArray = function writeEncoderArray(
  this: Encoder,
  parts: readonly Encoder[],
): Encoder {
  for (const part of parts) this.writeEncoder(part)
  return this
}

prototype.size = function size(this: Encoder): number {
  return (this[keptParts] ?? []).reduce((sum, part) => sum + part.size, this.offset)
}

Object.defineProperty(prototype, 'buffer', {
  get(this: Encoder): Buffer {
    if (this[keptParts] === undefined) return this.buf.subarray(0, this.offset)
    const known = this[assembled]
    if (known?.length === this.size()) return known
    const bytes = Buffer.allocUnsafeSlow(this.size())
    copyAll(this, bytes, 0)
    this[assembled] = bytes
    return bytes
  },
})

/** Returns the place after it. */
function copyAll(encoder: Encoder, target: Buffer, start: number): number {
  const parts = encoder[keptParts]
  if (parts === undefined) return start + encoder.buffer.copy(target, start)
  let at = start
  let from = 0
  for (const { at: to, part } of parts) {
    at += encoder.buf.copy(target, at, from, to)
    at = copyAll(part, target, at)
    from = to
  }
  return at + encoder.buf.copy(target, at, from, encoder.offset)
}
