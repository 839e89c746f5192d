import type { AuditEvent } from '../../schemas/event.ts'
import type { EventLeaf, LossLeaf } from '../../schemas/leaf.ts'
import { targetCode } from '../../schemas/target-code.ts'
import { protocolOf } from '../population-row.ts'
import type { PopulationEvent } from '../population-row.ts'
import { contentOf } from './completeness.ts'
import type { ContentPart } from './completeness.ts'
import { OverrideFacts } from './override-facts.ts'
import { ProducerFacts } from './producer-facts.ts'
import type { KnownGap } from './producer-facts.ts'

export interface TypeFacts {
  count: number
  first: string
  last: string
  readonly producers: Set<string>
  /** Per part of AU-3: events that need it, and those that lack it. */
  readonly content: Map<ContentPart, { required: number; missing: number; where: string[] }>
}

export interface SelectionChange {
  readonly at: string
  readonly when: string
  readonly what: string
  readonly by: string
  readonly producer: string
  readonly eventTypes: readonly string[]
  readonly isInPeriod: boolean
}

/** Records of a partition that are no events of ours, for one reason; of the first of them where they are. */
export interface SetAside {
  readonly topic: string
  readonly part: number
  readonly reason: string
  count: number
  readonly offsets: number[]
  readonly where: string[]
}

/** Offsets [from, to) that were lost before they could be sealed. */
export interface Loss {
  readonly topic: string
  readonly part: number
  readonly from: number
  readonly to: number
  readonly reason: string
  readonly at: string
}

export interface Au2Limits {
  /** Microseconds, [from, to). */
  readonly fromUs: number
  readonly toUs: number
  readonly heartbeatUs: number
  readonly toleranceUs: number
  readonly longestSessionUs: number
}

export interface SessionTimes {
  readonly startUs: number
  /** Null while no end is known. */
  readonly endUs: number | null
  /** Where the start is sealed. */
  readonly at: string
}

/** Positions kept of what shows an exception; the count goes on beyond it. */
export const mostIndices = 20

/** Everything that the AU-2 report wants to know, gathered in one reading of the ledger. The same entries give the same facts. */
export class Au2Facts {
  readonly limits: Au2Limits
  readonly types = new Map<string, TypeFacts>()
  readonly producers = new Map<string, ProducerFacts>()
  readonly gaps: (KnownGap & { readonly isInPeriod: boolean })[] = []
  /** In the order of their times once the period is over. */
  readonly changes: SelectionChange[] = []
  /** Those that may be overdue in the period: what ended in time, or before the period, is forgotten. */
  readonly unendedInTime = new Map<string, SessionTimes>()
  /** Of the period. */
  readonly setAsides = new Map<string, SetAside>()
  readonly losses: Loss[] = []
  /** Of events of the period: `received_at` less `occurred_at`, microseconds. */
  readonly delays: number[] = []
  /** Received before they occurred by more than the tolerance: the clocks differ by at least that. */
  readonly ahead: string[] = []
  readonly reportedOffsets: number[] = []
  readonly offsetsOver: string[] = []
  readonly canaries: string[] = []
  readonly reviews: string[] = []
  readonly overrides = new OverrideFacts()
  readonly perDay = new Map<string, Map<string, number>>()
  sessions = 0
  erased = 0
  /** Sessions that began in the period and were erased: which end is theirs is not known. */
  erasedSessions = 0
  synthetic = 0
  lateArrivals = 0
  withoutUtc = 0
  /** What the report knows ends there, microseconds. */
  endUs: number
  /** Of the newest checkpoint, be it before the end of the period or after. */
  asOfUs = 0

  constructor(limits: Au2Limits) {
    this.limits = limits
    this.endUs = limits.toUs
  }

  /** An event of the ledger that is no repeat; `isLate`: it belongs to an earlier period and came after its report. */
  take(given: PopulationEvent, occurredUs: number, receivedUs: number, isLate: boolean): void {
    const { fromUs, toUs } = this.limits
    const { leaf, event } = given
    const producer = this.#producer(leaf.prod)
    const at = `${given.log}:${given.position}`
    const isInside = occurredUs >= fromUs && occurredUs < toUs
    producer.unsigned.take(leaf, event)
    if (occurredUs < toUs) {
      producer.take(given, occurredUs, fromUs)
      if (event === null) this.overrides.erase(leaf.ix.type)
      else {
        this.#follow(event, at, leaf.et, isInside)
        this.overrides.take(event, at)
      }
    }
    // Records that the bus lost or that are no events are known by their own leaves.
    if (event?.gap != null && event.gap.records === null) {
      const { producer, from_seq: fromSeq, to_seq: toSeq, reason } = event.gap
      this.gaps.push({ producer, fromSeq, toSeq, reason, at, isInPeriod: isInside })
    }
    if (event?.type === 'session.ended') this.#endSession(event.session_id ?? '', occurredUs)
    if (!isInside) {
      producer.outside.push(leaf.pseq)
      if (isLate && occurredUs < fromUs) this.lateArrivals += 1
      return
    }
    producer.inside.push(leaf.pseq)
    producer.unsigned.note(leaf.pseq, occurredUs, at)
    producer.count(leaf.ix.type)
    this.#countType(given, at)
    if (!leaf.et.endsWith('Z')) this.withoutUtc += 1
    this.#countClock(event, occurredUs, receivedUs, at)
    const day = leaf.et.slice(0, 10)
    const protocol = protocolOf(event)
    const protocols = this.perDay.get(day) ?? new Map<string, number>()
    this.perDay.set(day, protocols.set(protocol, (protocols.get(protocol) ?? 0) + 1))
    producer.days.set(day, (producer.days.get(day) ?? 0) + 1)
    producer.protocols.set(protocol, (producer.protocols.get(protocol) ?? 0) + 1)
    if (event === null) {
      this.erased += 1
      if (leaf.ix.type === 'session.started') this.erasedSessions += 1
    } else {
      producer.schemaVersions.add(event.schema_version)
      if (event.synthetic) this.synthetic += 1
      if (event.type === 'canary.executed') this.canaries.push(at)
      if (event.type === 'review.completed') this.reviews.push(at)
    }
  }

  /** A record that was sealed as mere bytes. Those of one partition and reason count together: there may be very many. */
  setAside({ topic, part, off, ix }: EventLeaf, at: string): void {
    const reason = ix.outcome ?? 'not_an_event'
    const name = `${topic}/${part} ${reason}`
    const known = this.setAsides.get(name)
    if (known === undefined) {
      this.setAsides.set(name, { topic, part, reason, count: 1, offsets: [off], where: [at] })
      return
    }
    known.count += 1
    if (known.where.length >= mostIndices) return
    known.offsets.push(off)
    known.where.push(at)
  }

  lose({ topic, part, from, to, reason }: LossLeaf, at: string): void {
    this.losses.push({ topic, part, from, to, reason, at })
  }

  /** The period is over, or the newest checkpoint came before its end. */
  end(asOfUs: number): void {
    this.endUs = Math.min(this.limits.toUs, asOfUs)
    this.asOfUs = asOfUs
    for (const producer of this.producers.values()) producer.end(this.endUs, this.limits.fromUs)
    // Those of several producers stand in several logs.
    this.changes.sort((one, other) => (one.when < other.when ? -1 : Number(one.when > other.when)))
  }

  /** The types that are specified at the end of the period; null when nothing says so. */
  get specified(): readonly string[] | null {
    return this.changes.findLast(({ eventTypes }) => eventTypes.length > 0)?.eventTypes ?? null
  }

  #producer(name: string): ProducerFacts {
    const known = this.producers.get(name)
    if (known !== undefined) return known
    const producer = new ProducerFacts(name, this.limits.heartbeatUs)
    this.producers.set(name, producer)
    return producer
  }

  /** What began before the period, or changed before it, counts in it. */
  #follow(event: AuditEvent, at: string, when: string, isInPeriod: boolean): void {
    if (event.type === 'session.started' && event.session_id !== null) {
      this.unendedInTime.set(event.session_id, { startUs: event.occurred_at, endUs: null, at })
      if (isInPeriod) this.sessions += 1
    }
    // What changes at a target changes nothing of what is logged.
    if (event.change !== null && event.change.what !== targetCode) {
      this.changes.push({
        at,
        when,
        what: event.change.what,
        by: event.actor?.display ?? event.actor?.subject ?? '',
        producer: event.producer,
        eventTypes: event.change.event_types,
        isInPeriod,
      })
    }
  }

  #endSession(id: string, endUs: number): void {
    const { fromUs, toUs, longestSessionUs } = this.limits
    const session = this.unendedInTime.get(id)
    if (session === undefined) return
    const isInTime = Math.min(endUs, toUs) - session.startUs <= longestSessionUs
    if (isInTime || endUs < fromUs) this.unendedInTime.delete(id)
    else this.unendedInTime.set(id, { ...session, endUs })
  }

  #countType(given: PopulationEvent, at: string): void {
    const { leaf, event } = given
    const known = this.types.get(leaf.ix.type)
    const facts = known ?? {
      count: 0,
      first: leaf.et,
      last: leaf.et,
      producers: new Set<string>(),
      content: new Map<never, never>(),
    }
    if (known === undefined) this.types.set(leaf.ix.type, facts)
    facts.count += 1
    if (leaf.et < facts.first) facts.first = leaf.et
    if (leaf.et > facts.last) facts.last = leaf.et
    facts.producers.add(leaf.prod)
    if (event === null) return
    for (const [part, isThere] of contentOf(event)) {
      const content = facts.content.get(part) ?? { required: 0, missing: 0, where: [] }
      facts.content.set(part, content)
      content.required += 1
      if (isThere) continue
      content.missing += 1
      if (content.where.length < mostIndices) content.where.push(at)
    }
  }

  #countClock(event: AuditEvent | null, occurredUs: number, receivedUs: number, at: string): void {
    const { toleranceUs } = this.limits
    this.delays.push(receivedUs - occurredUs)
    if (occurredUs - receivedUs > toleranceUs) this.ahead.push(at)
    const offset = event?.edge?.clock_offset_us ?? null
    if (offset === null) return
    this.reportedOffsets.push(offset)
    if (Math.abs(offset) > toleranceUs) this.offsetsOver.push(at)
  }
}
