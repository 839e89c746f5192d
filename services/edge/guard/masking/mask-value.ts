import { createHmac } from 'node:crypto'

/** What is shown in place of a value. */
export type MaskMethod =
  | { readonly kind: 'null' }
  /** Keyed HMAC-SHA-256: the same value of the same column gives the same token, which says nothing about the value. */
  | { readonly kind: 'token' }
  /** The last four characters; of a value that has no more than eight, none. */
  | { readonly kind: 'last4' }
  | { readonly kind: 'fixed'; readonly text: Buffer }

/**
 * The masked form of a text in UTF-8; null stands for SQL's NULL. `column` is mixed into tokens, so that equal values of two
 * columns cannot be told to be equal.
 */
export function maskText(
  value: Buffer,
  method: MaskMethod,
  column: string,
  key: Uint8Array,
): Buffer | null {
  switch (method.kind) {
    case 'null':
      return null
    case 'fixed':
      return method.text
    case 'last4':
      return lastFour(value)
    case 'token': {
      const mac = createHmac('sha256', key).update(column).update('\0').update(value).digest()
      return Buffer.from(`tok_${mac.subarray(0, tokenBytes).toString('base64url')}`)
    }
  }
}

/** 128 bits: among 2^40 values two equal tokens are less likely than one in 2^48. */
const tokenBytes = 16

function lastFour(value: Buffer): Buffer {
  const characters = Array.from(value.toString('utf8'))
  // Of a short value the last four characters would be most of it.
  const shown = characters.length > 8 ? characters.slice(-4).join('') : ''
  return Buffer.from(`****${shown}`)
}
