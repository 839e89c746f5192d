import type { Detector } from './detector.ts'
import { endsWord, isAlphanumeric, isDigit, isLetter } from './detector.ts'

/** IBANs as long as their country has them, with the check digits of ISO 13616: in one piece or with single blanks. */
export const ibanAt: Detector = (text, at, end, before) => {
  if (isAlphanumeric(before) || !isLetter(text[at] ?? 0) || !isDigit(text[at + 2] ?? 0)) return 0
  const country = text.toString('latin1', at, Math.min(at + 2, end)).toUpperCase()
  const length = lengths.get(country)
  if (length === undefined) return 0
  let iban = ''
  let next = at
  while (next < end && iban.length < length) {
    const byte = text[next] ?? 0
    if (isAlphanumeric(byte)) iban += String.fromCharCode(byte)
    else if (byte !== 0x20 || text[next - 1] === 0x20) return 0
    next += 1
  }
  return iban.length === length && endsWord(text, next, end) && isIban(iban) ? next : 0
}

/** Moved behind the rest and read as a number with A as 10 to Z as 35, it leaves 1 when divided by 97 (ISO 13616-1, MOD 97-10). */
export function isIban(iban: string): boolean {
  let rest = 0
  for (const character of iban.slice(4) + iban.slice(0, 4)) {
    const value = Number.parseInt(character, 36)
    rest = (rest * (value > 9 ? 100 : 10) + value) % 97
  }
  return rest === 1
}

/** Of the IBAN registry of SWIFT. */
const lengths: ReadonlyMap<string, number> = new Map(
  `AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DK18 DO28 EE20 EG29 ES24 FI18 FO18 FR27 GB22
  GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22
  MK19 MR27 MT31 MU30 NL18 NO15 PK24 PL28 PS29 PT25 QA29 RO24 RS22 SA24 SC31 SE24 SI19 SK24 SM27 ST25 SV28 TL23 TN24 TR26 UA29
  VA22 VG24 XK20`
    .split(/\s+/)
    .map((each) => [each.slice(0, 2), Number(each.slice(2))]),
)
