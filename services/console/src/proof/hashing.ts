/** SHA-256 by WebCrypto over the concatenation of these parts. */
export async function sha256(...parts: readonly Uint8Array[]): Promise<Uint8Array> {
  const joined = concatenate(...parts)
  return new Uint8Array(await crypto.subtle.digest('SHA-256', joined))
}

export function concatenate(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(parts.reduce((length, part) => length + part.length, 0))
  let end = 0
  for (const part of parts) {
    joined.set(part, end)
    end += part.length
  }
  return joined
}

/** Strict: text that decodes to the same bytes but is not how they are encoded is refused too. */
export function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  const decoded = atob(text)
  if (btoa(decoded) !== text) throw new TypeError('not base64 in its canonical form')
  return Uint8Array.from(decoded, (character) => character.charCodeAt(0))
}

export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

export function areEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index])
}
