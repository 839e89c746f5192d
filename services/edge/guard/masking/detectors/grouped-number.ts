import { isAlphanumeric, isDigit } from './detector.ts'

/** Digits as people write them: in groups with one separator between each two. */
export interface GroupedNumber {
  /** At most 24. */
  readonly digits: readonly number[]
  /** The lengths of the groups, in order. */
  readonly groups: readonly number[]
  /** Behind each group, the position in the text. */
  readonly ends: readonly number[]
  /** Before each group but the first: a blank, hyphen, dot or slash. */
  readonly separators: readonly number[]
}

const mostDigits = 24
const separating: ReadonlySet<number> = new Set(Buffer.from(' -./'))

/** The groups of digits from `at` on, or null when none begins there. Groups that run into letters do not count. */
export function numberAt(text: Buffer, at: number, end: number): GroupedNumber | null {
  if (!isDigit(text[at] ?? 0)) return null
  const digits: number[] = []
  const groups: number[] = []
  const ends: number[] = []
  const separators: number[] = []
  let next = at
  while (digits.length < mostDigits) {
    const start = next
    while (next < end && next - start <= mostDigits && isDigit(text[next] ?? 0)) next += 1
    const isWord = next < end && isAlphanumeric(text[next] ?? 0)
    if (next === start || isWord || digits.length + next - start > mostDigits) break
    for (let place = start; place < next; place += 1) digits.push((text[place] ?? 0) - 0x30)
    groups.push(next - start)
    ends.push(next)
    const separator = text[next] ?? 0
    if (next >= end || !separating.has(separator)) break
    separators.push(separator)
    next += 1
  }
  return groups.length === 0 ? null : { digits, groups, ends, separators }
}

/** The digits of the first groups, when these are just as long as `lengths` and separated by one and the same; null otherwise. */
export function inGroups(
  { digits, groups, separators }: GroupedNumber,
  lengths: readonly number[],
): readonly number[] | null {
  if (!lengths.every((length, place) => groups[place] === length)) return null
  const used = separators.slice(0, lengths.length - 1)
  if (used.some((separator) => separator !== used[0])) return null
  return digits.slice(
    0,
    lengths.reduce((sum, length) => sum + length, 0),
  )
}
