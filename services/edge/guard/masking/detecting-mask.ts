import { cardAt } from './detectors/cards.ts'
import type { Detector, DetectorName } from './detectors/detector.ts'
import { isAlphanumeric } from './detectors/detector.ts'
import { emailAt } from './detectors/emails.ts'
import { ibanAt } from './detectors/ibans.ts'
import { nationalIdAt } from './detectors/national-ids.ts'
import { phoneAt } from './detectors/phones.ts'
import { jwtAt, keyAt } from './detectors/secrets.ts'
import type { TextMask } from './text-mask.ts'

/** Where several find something at one place, the first counts. */
const detectors: readonly (readonly [DetectorName, Detector])[] = [
  ['key', keyAt],
  ['jwt', jwtAt],
  ['email', emailAt],
  ['iban', ibanAt],
  ['card', cardAt],
  ['national-id', nationalIdAt],
  ['phone', phoneAt],
]

/** A part of a text, in bytes. */
export interface Finding {
  readonly name: DetectorName
  readonly start: number
  readonly end: number
}

/** What is found in the UTF-8 text in [start, end), in order, without overlaps. Takes linear time. */
export function* findingsIn(
  text: Buffer,
  start: number,
  end: number,
  names: ReadonlySet<DetectorName>,
): Generator<Finding> {
  const used = detectors.filter(([name]) => names.has(name))
  let before = blank
  for (let at = start; at < end; at += 1) {
    const byte = text[at] ?? 0
    if (canBegin(before, byte)) {
      for (const [name, find] of used) {
        const found = find(text, at, end, before)
        if (found <= at) continue
        yield { name, start: at, end: found }
        at = found - 1
        break
      }
    }
    before = text[at] ?? 0
  }
}

const blank = 0x20
const opening: ReadonlySet<number> = new Set(Buffer.from("+(-._%'&#~"))

/** Nothing begins inside a word. Bytes from 128 on are parts of characters beyond ASCII, with which only an address begins. */
function canBegin(before: number, byte: number): boolean {
  if (isAlphanumeric(byte)) return !isAlphanumeric(before)
  return byte >= 0x80 ? before < 0x80 : opening.has(byte)
}

const stars = Buffer.from('****')
/** A longer text is not looked through: it is shown as NULL. */
const mostScanned = 1024 * 1024

/** Shows a text with stars in place of what is found in it. Every finding is longer than the stars. */
export class DetectingMask implements TextMask {
  readonly longest = 0
  readonly #names: ReadonlySet<DetectorName>
  #found: DetectorName[] = []

  constructor(names: readonly DetectorName[]) {
    this.#names = new Set(names)
  }

  /** What the last call of `write` replaced, one entry for each; empty where nothing was found. */
  get found(): readonly string[] {
    return this.#found
  }

  write(value: Buffer, start: number, end: number, out: Buffer, at: number): number {
    this.#found = []
    if (end - start > mostScanned) return -1
    let copied = start
    let to = at
    for (const finding of findingsIn(value, start, end, this.#names)) {
      to += value.copy(out, to, copied, finding.start)
      to += stars.copy(out, to)
      copied = finding.end
      this.#found.push(finding.name)
    }
    return to + value.copy(out, to, copied, end)
  }
}
