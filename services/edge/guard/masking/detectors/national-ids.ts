import type { Detector } from './detector.ts'
import { endsWord, isAlphanumeric, isDigit, isLetter } from './detector.ts'
import { inGroups, numberAt } from './grouped-number.ts'
import type { GroupedNumber } from './grouped-number.ts'

/**
 * Numbers of persons whose check digits say that they are some. Those with one check digit only are found as people write them, in
 * groups: one in ten of all numbers of that length would pass.
 */
export const nationalIdAt: Detector = (text, at, end, before) => {
  if (isAlphanumeric(before)) return 0
  const spanish = spanishAt(text, at, end)
  if (spanish > 0) return spanish
  const number = numberAt(text, at, end)
  if (number === null) return 0
  for (const { lengths, isValid } of numbers) {
    const digits = groupsOf(number, lengths)
    if (digits !== null && isValid(digits)) return number.ends[lengths.length - 1] ?? 0
  }
  return 0
}

/** 123.456.789-09 has two separators; all others have one. */
function groupsOf(number: GroupedNumber, lengths: readonly number[]): readonly number[] | null {
  const { separators } = number
  const isBrazilian = lengths.length === 4 && separators[0] === 0x2e && separators[2] === 0x2d
  return inGroups(isBrazilian ? { ...number, separators: [] } : number, lengths)
}

/** Brazil, CPF (Receita Federal): two digits modulo 11. */
export function isCpf(digits: readonly number[]): boolean {
  if (digits.every((digit) => digit === digits[0])) return false
  const check = (length: number): number => {
    const rest = (weighted(digits.slice(0, length), (place) => length + 1 - place) * 10) % 11
    return rest % 10
  }
  return check(9) === digits[9] && check(10) === digits[10]
}

/** United Kingdom, NHS number (NHS Data Dictionary): modulo 11 with the weights 10 to 2; a check digit of 10 is not issued. */
export function isNhsNumber(digits: readonly number[]): boolean {
  const check = 11 - (weighted(digits.slice(0, 9), (place) => 10 - place) % 11)
  return check % 11 === digits[9]
}

/** India, Aadhaar (UIDAI): the check digit of Verhoeff; it does not begin with 0 or 1. */
export function isAadhaar(digits: readonly number[]): boolean {
  let sum = 0
  digits.toReversed().forEach((digit, place) => {
    sum = dihedral(sum, permuted(digit, place))
  })
  return sum === 0 && (digits[0] ?? 0) > 1
}

/** Germany, Identifikationsnummer (§ 139b AO): ISO/IEC 7064 MOD 11,10; of the first ten digits one comes twice or three times. */
export function isGermanTaxId(digits: readonly number[]): boolean {
  const repeated = [...Map.groupBy(digits.slice(0, 10), (digit) => digit).values()].filter(
    (same) => same.length > 1,
  )
  if (digits[0] === 0 || repeated.length !== 1 || (repeated[0]?.length ?? 0) > 3) return false
  const product = digits.slice(0, 10).reduce((carried, digit) => {
    const sum = (digit + carried) % 10
    return ((sum === 0 ? 10 : sum) * 2) % 11
  }, 10)
  return (11 - product) % 10 === digits[10]
}

/** Poland, PESEL (ustawa o ewidencji ludności): the weights 1 3 7 9, behind a date of birth whose month also says the century. */
export function isPesel(digits: readonly number[]): boolean {
  const month = ((digits[2] ?? 0) * 10 + (digits[3] ?? 0)) % 20
  const day = (digits[4] ?? 0) * 10 + (digits[5] ?? 0)
  if (month < 1 || month > 12 || day < 1 || day > 31) return false
  const sum = weighted(digits.slice(0, 10), (place) => [1, 3, 7, 9][place % 4] ?? 0)
  return (10 - (sum % 10)) % 10 === digits[10]
}

/** France, NIR (INSEE): 97 less the first 13 digits modulo 97; it begins with the sex. Those born in Corsica (2A, 2B) are not found. */
export function isNir(digits: readonly number[]): boolean {
  if (digits[0] !== 1 && digits[0] !== 2) return false
  const rest = digits.slice(0, 13).reduce((left, digit) => (left * 10 + digit) % 97, 0)
  return 97 - rest === (digits[13] ?? 0) * 10 + (digits[14] ?? 0)
}

/** Spain, DNI and NIE (Real Decreto 1553/2005): a letter by the number modulo 23; X, Y and Z stand for 0, 1 and 2. */
export function isSpanish(number: string, letter: string): boolean {
  const digits = number.replace(/^[XYZ]/, (first) => String('XYZ'.indexOf(first)))
  return 'TRWAGMYFPDXBNJZSQVHLCKE'[Number(digits) % 23] === letter
}

const numbers: readonly {
  readonly lengths: readonly number[]
  readonly isValid: (digits: readonly number[]) => boolean
}[] = [
  { lengths: [3, 3, 3, 2], isValid: isCpf },
  { lengths: [11], isValid: (digits) => isCpf(digits) || isPesel(digits) || isGermanTaxId(digits) },
  { lengths: [2, 3, 3, 3], isValid: isGermanTaxId },
  { lengths: [3, 3, 4], isValid: isNhsNumber },
  { lengths: [4, 4, 4], isValid: isAadhaar },
  { lengths: [15], isValid: isNir },
  { lengths: [13, 2], isValid: isNir },
  { lengths: [1, 2, 2, 2, 3, 3, 2], isValid: isNir },
]

const hyphen = 0x2d

function spanishAt(text: Buffer, at: number, end: number): number {
  const letter = (text[at] ?? 0) & 0xdf
  const isForeign = letter >= 0x58 && letter <= 0x5a
  const digits = isForeign ? 7 : 8
  let next = isForeign ? at + 1 : at
  for (let count = 0; count < digits; count += 1, next += 1) {
    if (next >= end || !isDigit(text[next] ?? 0)) return 0
  }
  const numberEnd = next
  if (text[next] === hyphen) next += 1
  if (next >= end || !isLetter(text[next] ?? 0) || !endsWord(text, next + 1, end)) return 0
  const number = text.toString('latin1', at, numberEnd).toUpperCase()
  return isSpanish(number, String.fromCharCode((text[next] ?? 0) & 0xdf)) ? next + 1 : 0
}

function weighted(digits: readonly number[], weight: (place: number) => number): number {
  return digits.reduce((sum, digit, place) => sum + digit * weight(place), 0)
}

/** The product in the group of the symmetries of a pentagon: 0 to 4 are rotations, 5 to 9 reflections. */
function dihedral(one: number, other: number): number {
  const turned = one < 5 ? one + other : one - other
  const rotation = ((turned % 5) + 5) % 5
  return one < 5 === other < 5 ? rotation : rotation + 5
}

/** The permutation of Verhoeff, as often as the digit's place says. */
function permuted(digit: number, times: number): number {
  let value = digit
  for (let count = times % 8; count > 0; count -= 1)
    value = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4][value] ?? 0
  return value
}
