import type { Detector } from './detector.ts'
import { isAlphanumeric } from './detector.ts'
import { inGroups, numberAt } from './grouped-number.ts'

/** Payment cards: an issuer's prefix and length, written in one piece or as on the card, with the check digit of ISO/IEC 7812-1. */
export const cardAt: Detector = (text, at, end, before) => {
  if (isAlphanumeric(before)) return 0
  const number = numberAt(text, at, end)
  if (number === null) return 0
  for (const lengths of written) {
    const digits = inGroups(number, lengths)
    if (digits !== null && isCard(digits)) return number.ends[lengths.length - 1] ?? 0
  }
  return 0
}

const written: readonly (readonly number[])[] = [
  ...[13, 14, 15, 16, 17, 18, 19].map((length) => [length]),
  [4, 4, 4, 4, 3],
  [4, 4, 4, 4],
  [4, 6, 5],
  [4, 6, 4],
]

function isCard(digits: readonly number[]): boolean {
  const prefix = digits.slice(0, 4).reduce((sum, digit) => sum * 10 + digit, 0)
  const isIssued = issuers.some(
    ([from, to, shortest, longest]) =>
      prefix >= from && prefix <= to && digits.length >= shortest && digits.length <= longest,
  )
  return isIssued && passesLuhn(digits)
}

/** The first four digits, from and to, and how many digits there are: the ranges that the networks publish. */
const issuers: readonly (readonly [number, number, number, number])[] = [
  [2221, 2720, 16, 16],
  [3000, 3059, 14, 19],
  [3095, 3095, 14, 19],
  [3400, 3499, 15, 15],
  [3528, 3589, 16, 19],
  [3600, 3699, 14, 19],
  [3700, 3799, 15, 15],
  [3800, 3999, 14, 19],
  [4000, 4999, 13, 19],
  [5000, 5099, 13, 19],
  [5100, 5599, 16, 16],
  [5600, 6999, 13, 19],
]

/** Every second digit from the right doubled, and all of their digits summed, gives a multiple of ten (ISO/IEC 7812-1, annex B). */
export function passesLuhn(digits: readonly number[]): boolean {
  let sum = 0
  digits.forEach((digit, place) => {
    const isDoubled = (digits.length - place) % 2 === 0
    const value = isDoubled ? digit * 2 : digit
    sum += value > 9 ? value - 9 : value
  })
  return sum % 10 === 0
}
