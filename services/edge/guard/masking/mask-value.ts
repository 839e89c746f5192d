import { createHmac } from 'node:crypto'

/** What is shown in place of a value. */
export type MaskMethod =
  | { readonly kind: 'null' }
  /** Keyed HMAC-SHA-256: the same value of the same column gives the same token, which says nothing about the value. */
  | { readonly kind: 'token' }
  /** The last four characters; of a value that has no more than eight, none. */
  | { readonly kind: 'last4' }
  | { readonly kind: 'fixed'; readonly text: Buffer }

/** The method that shows SQL's NULL. */
export const nullMethod: MaskMethod = { kind: 'null' }

/** No masked form of a text is longer, in bytes. */
export function longestMasked(method: MaskMethod): number {
  switch (method.kind) {
    case 'null':
      return 0
    case 'fixed':
      return method.text.length
    case 'last4':
      return stars.length + 4 * longestCharacter
    case 'token':
      return tokenPrefix.length + Math.ceil((tokenBytes * 4) / 3)
  }
}

/**
 * Writes the masked form of the text in [start, end) of `value`, UTF-8, to `out` at `at`, and returns the position behind it; -1
 * stands for SQL's NULL, for which nothing is written. `column` is mixed into tokens, so that equal values of two columns cannot be
 * told to be equal.
 */
export function writeMasked(
  value: Buffer,
  start: number,
  end: number,
  { method, name: column }: { readonly method: MaskMethod; readonly name: string },
  key: Uint8Array,
  out: Buffer,
  at: number,
): number {
  switch (method.kind) {
    case 'null':
      return -1
    case 'fixed':
      return at + method.text.copy(out, at)
    case 'last4': {
      const shownAt = at + stars.copy(out, at)
      return shownAt + value.copy(out, shownAt, startOfLastFour(value, start, end), end)
    }
    case 'token': {
      const text = value.subarray(start, end)
      const mac = createHmac('sha256', key).update(column).update('\0').update(text).digest()
      const token = mac.subarray(0, tokenBytes).toString('base64url')
      return at + out.write(tokenPrefix + token, at, 'latin1')
    }
  }
}

/** 128 bits: among 2^40 values two equal tokens are less likely than one in 2^48. */
const tokenBytes = 16
const tokenPrefix = 'tok_'
const stars = Buffer.from('****')
const longestCharacter = 4

/** Where the last four characters begin. Of a short value they would be most of it: then it is the end. */
function startOfLastFour(value: Buffer, start: number, end: number): number {
  let characters = 0
  let fourth = end
  for (let at = end - 1; at >= start; at--) {
    // The first byte of each character; the others are 10xxxxxx.
    if (((value[at] ?? 0) & 0xc0) === 0x80) continue
    characters += 1
    if (characters === 4) fourth = at
    // What is no UTF-8 may have longer characters.
    else if (characters > 8) return Math.max(fourth, end - 4 * longestCharacter)
  }
  return end
}
