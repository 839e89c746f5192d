import type { ClassifiedColumn, ClassifiedPath } from '../../../../../schemas/classification.ts'
import type { DetectorName } from '../detectors/detector.ts'
import { jsonPath } from '../json-path.ts'
import { classByName, classNamed } from './column-names.ts'
import type { SuggestedClass, ValueKind } from './column-names.ts'
import { foundInValues } from './found-in-values.ts'
import type { FoundInValues } from './found-in-values.ts'
import { areJson, jsonLeaves } from './json-leaves.ts'

/** A column of a target with some of its values; those may be cut. */
export interface SampledColumn {
  readonly schema: string
  readonly relation: string
  readonly column: string
  readonly kind: ValueKind
  readonly values: readonly (string | null)[]
}

export const confidences = ['low', 'medium', 'high'] as const
export type Confidence = (typeof confidences)[number]

/** What could be added to a classification, and why; the reasons quote no value. */
export interface Suggestion {
  readonly entry: ClassifiedColumn
  readonly confidence: Confidence
  readonly evidence: readonly string[]
}

/** What this column should be classified as; null when neither its name nor its values say anything. */
export function suggestionFor(sampled: SampledColumn): Suggestion | null {
  const { kind, values } = sampled
  const column = [sampled.schema, sampled.relation, sampled.column].map(quoted).join('.')
  if (kind === 'json' || (kind === 'text' && areJson(values))) return ofJson(column, values)
  const whole = judged(sampled.column, kind, values)
  if (whole !== null) {
    const { suggested, ...rest } = whole
    return { entry: { column, class: suggested.name, ...suggested.mask }, ...rest }
  }
  return kind === 'text' ? ofFreeText(column, foundInValues(values)) : null
}

interface Judged {
  readonly suggested: SuggestedClass
  readonly confidence: Confidence
  readonly evidence: readonly string[]
}

/** Most of the values have to be such a thing, and more than could be by chance. */
const leastShare = 0.5
const leastMatches = 5
const manyValues = 20

/** By the values as wholes, and by the name. */
function judged(name: string, kind: ValueKind, values: readonly (string | null)[]): Judged | null {
  const byName = classByName(name, kind)
  const found = kind === 'date' ? foundInValues([]) : foundInValues(values)
  const [detector, matches] = mostFound(found.whole)
  const isMost = matches >= Math.max(1, found.values * leastShare)
  const agrees = detector !== null && isMost && classOf(detector) === byName?.name
  const evidence = [
    ...(byName === null ? [] : ['by its name']),
    ...(detector !== null && isMost ? [matched(detector, matches, found)] : []),
  ]
  if (byName !== null && agrees) return { suggested: byName, confidence: 'high', evidence }
  if (detector !== null && isMost && matches >= leastMatches) {
    const isSure = matches >= found.values * 0.9 && found.values >= manyValues
    const confidence = isSure ? 'high' : 'medium'
    // What it is called says something else: the values count.
    return { suggested: classNamed(classOf(detector)), confidence, evidence: evidence.slice(-1) }
  }
  if (byName === null) return null
  const isChecked = checked.has(byName.name) && found.values >= manyValues
  if (!isChecked) return { suggested: byName, confidence: 'medium', evidence: ['by its name'] }
  const doubt = `no value of ${found.values} looks like one`
  return matches > 0
    ? { suggested: byName, confidence: 'medium', evidence: ['by its name'] }
    : { suggested: byName, confidence: 'low', evidence: ['by its name', doubt] }
}

/** Classes whose values a detector would know. */
const checked: ReadonlySet<string> = new Set(['email', 'card', 'iban'])

function ofJson(column: string, values: readonly (string | null)[]): Suggestion | null {
  const paths: ClassifiedPath[] = []
  const evidence: string[] = []
  let confidence: Confidence = 'low'
  for (const [path, leaf] of jsonLeaves(values)) {
    const isNumber = leaf.values.every(
      (value) => value.trim() !== '' && !Number.isNaN(Number(value)),
    )
    const about = judged(leaf.name, isNumber ? 'number' : 'text', leaf.values)
    if (about === null || jsonPath(path) === null || paths.length === mostPaths) continue
    const { mask } = about.suggested.mask
    paths.push({ path, ...(mask === undefined ? {} : { mask }) })
    evidence.push(`${path} ${about.suggested.name}: ${about.evidence.join(', ')}`)
    if (confidences.indexOf(about.confidence) > confidences.indexOf(confidence)) {
      confidence = about.confidence
    }
  }
  if (paths.length === 0) return null
  return { entry: { column, class: 'personal-data', json: paths }, confidence, evidence }
}

const mostPaths = 100

/** Of texts that are more than one such thing, what is found in them now and then. */
function ofFreeText(column: string, found: FoundInValues): Suggestion | null {
  const detect = [...found.within].filter(
    ([, count]) => count >= Math.max(leastWithin, found.values * leastShareWithin),
  )
  if (detect.length === 0) return null
  return {
    entry: { column, class: 'free-text', detect: detect.map(([name]) => name).sort() },
    confidence: 'medium',
    evidence: detect.map(([name, count]) => matched(name, count, found, 'was found in')),
  }
}

const leastWithin = 3
const leastShareWithin = 0.02

function mostFound(
  counts: ReadonlyMap<DetectorName, number>,
): readonly [DetectorName | null, number] {
  const [first] = [...counts].sort(([, one], [, other]) => other - one)
  return first ?? [null, 0]
}

function classOf(detector: DetectorName): string {
  return detector === 'jwt' || detector === 'key' ? 'secret' : detector
}

function matched(
  detector: DetectorName,
  count: number,
  { values }: FoundInValues,
  what = 'matched',
): string {
  return `detector ${detector} ${what} ${count} of ${values} values`
}

/** As a classification spells a part of a name. */
function quoted(part: string): string {
  return /[".\s]/.test(part) ? `"${part.replaceAll('"', '""')}"` : part
}
