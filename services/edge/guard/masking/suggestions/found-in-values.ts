import { findingsIn } from '../detecting-mask.ts'
import type { DetectorName } from '../detectors/detector.ts'

/** What detectors make of a sample. Counts only: no value leaves it. */
export interface FoundInValues {
  /** Values that are not NULL and not empty. */
  readonly values: number
  /** How many values are such a thing as a whole. */
  readonly whole: ReadonlyMap<DetectorName, number>
  /** How many values have such a thing somewhere among other text; numbers that happen to be one are none of those. */
  readonly within: ReadonlyMap<DetectorName, number>
}

/** Looks through texts as masking would: numbers count by their check digits, never by how many digits they have. */
export function foundInValues(values: readonly (string | null)[]): FoundInValues {
  const whole = new Map<DetectorName, number>()
  const within = new Map<DetectorName, number>()
  let count = 0
  for (const value of values) {
    const text = Buffer.from(value?.trim() ?? '')
    if (text.length === 0) continue
    count += 1
    const found = [...findingsIn(text, 0, text.length, all)]
    const [first] = found
    if (first?.start === 0 && first.end === text.length) add(whole, first.name)
    else for (const name of new Set(found.map((each) => each.name))) add(within, name)
  }
  return { values: count, whole, within }
}

const all: ReadonlySet<DetectorName> = new Set<DetectorName>([
  'card',
  'email',
  'iban',
  'jwt',
  'key',
  'national-id',
  'phone',
])

function add(counts: Map<DetectorName, number>, name: DetectorName): void {
  counts.set(name, (counts.get(name) ?? 0) + 1)
}
