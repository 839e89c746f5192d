import type { Detector } from './detector.ts'
import { isAlphanumeric, isLetter } from './detector.ts'

/** E-mail addresses without quotes: a run of characters, an at sign, and a domain of two labels or more. */
export const emailAt: Detector = (text, at, end, before) => {
  if (isLocal(before)) return 0
  let next = at
  while (next < end && isLocal(text[next] ?? 0)) next += 1
  if (next === at || next >= end || text[next] !== atSign) return 0
  return endOfDomain(text, next + 1, end)
}

const atSign = 0x40
const dot = 0x2e
const hyphen = 0x2d
const localMarks: ReadonlySet<number> = new Set(Buffer.from("._%+'-&#~"))

/** Bytes from 128 on are parts of characters beyond ASCII. */
function isLocal(byte: number): boolean {
  return isAlphanumeric(byte) || byte >= 0x80 || localMarks.has(byte)
}

/** Behind the last label that can end a domain; 0 when there is no domain. */
function endOfDomain(text: Buffer, start: number, end: number): number {
  let labelStart = start
  let labels = 0
  let domainEnd = 0
  for (let next = start; ; next += 1) {
    const byte = next < end ? (text[next] ?? 0) : 0
    if (isAlphanumeric(byte) || byte >= 0x80 || (byte === hyphen && next > labelStart)) continue
    if (next === labelStart) return domainEnd
    labels += 1
    let labelEnd = next
    while (text[labelEnd - 1] === hyphen) labelEnd -= 1
    const first = text[labelStart] ?? 0
    const isTop = labelEnd - labelStart >= 2 && (isLetter(first) || first >= 0x80)
    if (labels >= 2 && isTop) domainEnd = labelEnd
    if (byte !== dot || labelEnd !== next) return domainEnd
    labelStart = next + 1
  }
}
