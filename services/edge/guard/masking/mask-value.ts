import { DetectingMask } from './detecting-mask.ts'
import type { DetectorName } from './detectors/detector.ts'
import type { JsonStep } from './json-path.ts'
import { nullMask } from './text-mask.ts'
import type { TextMask } from './text-mask.ts'
import { Tokens } from './tokens.ts'

/** What is shown in place of a value. */
export type MaskMethod =
  | TextMaskMethod
  /** Values inside JSON, each in its own way; of what is no JSON, nothing. */
  | { readonly kind: 'json'; readonly paths: readonly JsonPathMask[] }

/** What stands at a path inside the values of a column, and what is shown in its place. */
export interface JsonPathMask {
  /** As the classification writes it. */
  readonly path: string
  readonly steps: readonly JsonStep[]
  readonly method: TextMaskMethod
}

export type TextMaskMethod =
  | { readonly kind: 'null' }
  /** Keyed HMAC-SHA-256: the same value of the same column gives the same token, which says nothing about the value. */
  | { readonly kind: 'token' }
  /** The last four characters; of a value that has no more than eight, none. */
  | { readonly kind: 'last4' }
  | { readonly kind: 'fixed'; readonly text: Buffer }
  /** The text, with stars in place of what is found in it. */
  | { readonly kind: 'detect'; readonly detectors: readonly DetectorName[] }

/** `column` is mixed into tokens, so that equal values of two columns cannot be told to be equal. */
export function textMask(method: TextMaskMethod, column: string, key: Uint8Array): TextMask {
  switch (method.kind) {
    case 'null':
      return nullMask
    case 'fixed': {
      const { text } = method
      return {
        longest: text.length,
        write: (_value, _start, _end, out, at) => at + text.copy(out, at),
      }
    }
    case 'last4':
      return lastFour
    case 'token':
      return new Tokens(column, key)
    case 'detect':
      return new DetectingMask(method.detectors)
  }
}

const stars = Buffer.from('****')
const longestCharacter = 4

const lastFour: TextMask = {
  longest: stars.length + 4 * longestCharacter,
  write: (value, start, end, out, at) => {
    const shownAt = at + stars.copy(out, at)
    return shownAt + value.copy(out, shownAt, startOfLastFour(value, start, end), end)
  },
}

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
