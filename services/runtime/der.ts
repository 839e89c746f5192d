// The few shapes of X.690 DER that a certificate needs: tag, definite length, content.

const tags = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  objectIdentifier: 0x06,
  utf8String: 0x0c,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const

export function sequence(...items: readonly Uint8Array[]): Buffer {
  return encode(tags.sequence, Buffer.concat(items))
}

export function set(...items: readonly Uint8Array[]): Buffer {
  return encode(tags.set, Buffer.concat(items))
}

/** A positive integer from its big-endian bytes, in the shortest form. */
export function integer(bytes: Uint8Array): Buffer {
  const first = bytes.findIndex((byte) => byte !== 0)
  const shortest = first === -1 ? Buffer.from([0]) : Buffer.from(bytes.subarray(first))
  // A leading 1 bit would make it negative.
  const negative = (shortest[0] ?? 0) >= 0x80
  return encode(tags.integer, negative ? Buffer.concat([Buffer.from([0]), shortest]) : shortest)
}

export function boolean(value: boolean): Buffer {
  return encode(tags.boolean, Buffer.from([value ? 0xff : 0x00]))
}

/** A bit string of whole bytes. */
export function bitString(bytes: Uint8Array): Buffer {
  return encode(tags.bitString, Buffer.concat([Buffer.from([0]), bytes]))
}

export function octetString(bytes: Uint8Array): Buffer {
  return encode(tags.octetString, bytes)
}

export function utf8String(text: string): Buffer {
  return encode(tags.utf8String, Buffer.from(text, 'utf8'))
}

export function objectIdentifier(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  return encode(
    tags.objectIdentifier,
    Buffer.from([first * 40 + second, ...rest.flatMap((arc) => base128(arc))]),
  )
}

/** RFC 5280 §4.1.2.5: UTCTime through 2049, GeneralizedTime after it; whole seconds, UTC. */
export function time(at: Date): Buffer {
  const digits = `${at.toISOString().slice(0, 19).replaceAll(/[-:T]/g, '')}Z`
  return at.getUTCFullYear() < 2050
    ? encode(tags.utcTime, Buffer.from(digits.slice(2), 'latin1'))
    : encode(tags.generalizedTime, Buffer.from(digits, 'latin1'))
}

/** `[number] EXPLICIT`: the tag goes around the whole value. */
export function explicit(number: number, value: Uint8Array): Buffer {
  return encode(0xa0 | number, value)
}

/** `[number] IMPLICIT` of a primitive type: the tag takes the place of the value's own. */
export function implicit(number: number, content: Uint8Array): Buffer {
  return encode(0x80 | number, content)
}

function encode(tag: number, content: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([tag]), length(content.length), content])
}

function length(sizeBytes: number): Buffer {
  if (sizeBytes < 0x80) return Buffer.from([sizeBytes])
  const bytes: number[] = []
  for (let rest = sizeBytes; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256)
  return Buffer.from([0x80 | bytes.length, ...bytes])
}

function base128(arc: number): readonly number[] {
  const groups = [arc % 128]
  for (let rest = Math.floor(arc / 128); rest > 0; rest = Math.floor(rest / 128)) {
    groups.unshift(0x80 | (rest % 128))
  }
  return groups
}
