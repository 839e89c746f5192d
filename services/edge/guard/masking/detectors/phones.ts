import type { Detector } from './detector.ts'
import { isAlphanumeric } from './detector.ts'
import { inGroups, numberAt } from './grouped-number.ts'
import type { GroupedNumber } from './grouped-number.ts'

/**
 * Telephone numbers that say by how they are written that they are some: with + and 8 to 15 digits (ITU-T E.164), with a leading 0
 * and 9 to 13 digits in two to five groups, or as in North America, (415) 555-0132. Digits in one piece without + are none.
 */
export const phoneAt: Detector = (text, at, end, before) => {
  if (isAlphanumeric(before)) return 0
  const first = text[at] ?? 0
  if (first === plus) {
    const number = numberAt(text, at + 1, end)
    return number === null || number.digits[0] === 0 ? 0 : endWithin(number, 8, 15)
  }
  const isOpen = first === open
  const number = isOpen ? bracketed(text, at, end) : numberAt(text, at, end)
  if (number === null) return 0
  if (isNorthAmerican(number)) return number.ends[2] ?? 0
  if (number.digits[0] !== 0 || number.separators[0] === dot) return 0
  return number.groups.length < 2 ? 0 : endWithin(number, 9, 13)
}

const plus = 0x2b
const open = 0x28
const close = 0x29
const dot = 0x2e

/** `(030) 123 45 67` as if it were `030 123 45 67`. */
function bracketed(text: Buffer, at: number, end: number): GroupedNumber | null {
  const area = numberAt(text, at + 1, end)
  const closesAt = area?.ends[0] ?? 0
  if (area?.groups.length !== 1 || text[closesAt] !== close) return null
  const rest = numberAt(text, closesAt + (text[closesAt + 1] === 0x20 ? 2 : 1), end)
  if (rest === null) return null
  const separator = rest.separators[0] ?? 0x20
  return {
    digits: [...area.digits, ...rest.digits],
    groups: [...area.groups, ...rest.groups],
    ends: [...area.ends, ...rest.ends],
    separators: [separator, ...rest.separators],
  }
}

/** Area codes and exchanges begin with 2 to 9. */
function isNorthAmerican(number: GroupedNumber): boolean {
  const digits = inGroups(number, [3, 3, 4])
  return digits !== null && (digits[0] ?? 0) > 1 && (digits[3] ?? 0) > 1
}

/** Behind the last group with which there are so many digits; 0 when there is none. */
function endWithin({ groups, ends }: GroupedNumber, least: number, most: number): number {
  let count = 0
  let found = 0
  for (const [place, length] of groups.slice(0, 6).entries()) {
    count += length
    if (count >= least && count <= most) found = ends[place] ?? 0
  }
  return found
}
