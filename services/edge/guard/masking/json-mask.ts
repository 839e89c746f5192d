import { findJsonValues } from './json-path.ts'
import { textMask } from './mask-value.ts'
import type { JsonPathMask } from './mask-value.ts'
import type { TextMask } from './text-mask.ts'

/** A value may grow by this much; one that would grow more shows nothing. */
const mostGrowth = 4096

/**
 * Masks inside texts of JSON. The whole value is NULL where it is no JSON or has another shape than a path says. `prefixBytes` come
 * before the text and stay as they are: the version in a binary jsonb.
 */
export function jsonMask(
  masks: readonly JsonPathMask[],
  column: string,
  key: Uint8Array,
  prefixBytes: 0 | 1,
): TextMask {
  const paths = masks.map(({ steps }) => steps)
  const leaves = masks.map(({ path, method }) => textMask(method, `${column} ${path}`, key))
  return {
    longest: mostGrowth,
    keyId: leaves.find(({ keyId }) => keyId !== undefined)?.keyId,
    write: (value, start, end, out, at) => {
      // Another version may be laid out in another way.
      if (prefixBytes === 1 && value[start] !== 1) return -1
      const text = value.toString('utf8', start + prefixBytes, end)
      const found = findJsonValues(text, paths)
      if (found === null) return -1
      const parts: string[] = []
      let copied = 0
      for (const span of found) {
        const leaf = leaves[span.path]
        if (leaf === undefined) return -1
        parts.push(text.slice(copied, span.start), masked(text.slice(span.start, span.end), leaf))
        copied = span.end
      }
      parts.push(text.slice(copied))
      const shown = Buffer.from(parts.join(''))
      if (shown.length > end - start + mostGrowth - prefixBytes) return -1
      value.copy(out, at, start, start + prefixBytes)
      return at + prefixBytes + shown.copy(out, at + prefixBytes)
    },
  }
}

/** Texts, numbers and truth values are masked as texts; what holds others is not shown. */
function masked(json: string, mask: TextMask): string {
  if (json === 'null' || json.startsWith('{') || json.startsWith('[')) return 'null'
  const value = Buffer.from(json.startsWith('"') ? (JSON.parse(json) as string) : json)
  const out = Buffer.allocUnsafe(value.length + mask.longest)
  const end = mask.write(value, 0, value.length, out, 0)
  return end === -1 ? 'null' : JSON.stringify(out.toString('utf8', 0, end))
}
