import type { GapPart } from '../../../schemas/event.ts'
import type { Entry } from '../reader.ts'

/** Records of one partition that are lost, or are sealed as bytes that are no event. A leaf says it; the finding tells people. */
export interface Finding {
  /** A `LossReason` or `QuarantineReason`; a leaf may be of another release. */
  readonly reason: string
  readonly topic: string
  readonly partition: number
  readonly fromOffset: number
  /** The last one. */
  readonly toOffset: number
  /** Of the range, those meant. */
  readonly count: number
  readonly log: string
  /** Of the first leaf that says so. */
  readonly position: number
}

/**
 * Findings of the same reason become one that spans them, so that a thousand bad records in a batch are one finding and not a thousand
 * events more. Each comes once per reason and partition, in the order of the first.
 */
export function mergeFindings(findings: Iterable<Finding>): readonly Finding[] {
  const merged = new Map<string, Finding>()
  for (const finding of findings) {
    const name = `${finding.topic}/${finding.partition} ${finding.log} ${finding.reason}`
    const known = merged.get(name)
    merged.set(name, known === undefined ? finding : spanning(known, finding))
  }
  return [...merged.values()]
}

function spanning(one: Finding, other: Finding): Finding {
  return {
    ...one,
    fromOffset: Math.min(one.fromOffset, other.fromOffset),
    toOffset: Math.max(one.toOffset, other.toOffset),
    count: one.count + other.count,
    position: Math.min(one.position, other.position),
  }
}

/** What a leaf says of records that are lost or no event; null for the other leaves. */
export function findingOf({ log, position, leaf }: Entry): Finding | null {
  if (leaf.type === 'loss') {
    const { topic, part: partition, from: fromOffset, to, reason } = leaf
    return {
      reason,
      topic,
      partition,
      fromOffset,
      toOffset: to - 1,
      count: to - fromOffset,
      log,
      position,
    }
  }
  if (leaf.type !== 'event' || leaf.ix.type !== 'quarantined') return null
  const { topic, part: partition, off } = leaf
  const reason = leaf.ix.outcome ?? 'not_an_event'
  return { reason, topic, partition, fromOffset: off, toOffset: off, count: 1, log, position }
}

export function gapOfFinding(finding: Finding): GapPart {
  const { topic, partition, fromOffset, toOffset, count, log, position, reason } = finding
  return {
    producer: `${topic}/${partition}`,
    from_seq: fromOffset,
    to_seq: toOffset,
    reason,
    records: {
      topic,
      partition,
      from_offset: fromOffset,
      to_offset: toOffset,
      count,
      log,
      position,
    },
  }
}
