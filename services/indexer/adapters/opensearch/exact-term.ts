import { hash } from 'node:crypto'

import { foldName } from '../../terms.ts'

/** Far below what Lucene takes; longer names than this are compared by their digest. */
const maxBytes = 1_024

/** A value as it stands in an exact field, the same in documents and in questions. */
export function exactTerm(value: string): string {
  const text = value.toWellFormed()
  if (text.length <= maxBytes / 4 || Buffer.byteLength(text) <= maxBytes) return text
  return `sha256:${hash('sha256', text)}`
}

/** As `exactTerm`, for names that are compared without case. */
export function foldedTerm(value: string): string {
  return exactTerm(foldName(value))
}
