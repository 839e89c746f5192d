import type { PopulationEvent } from '../population-row.ts'
import { Silences } from './silences.ts'
import type { Silence } from './silences.ts'
import { Unsigned } from './unsigned.ts'

/** What the ledger holds of one producer. Times are microseconds. */
export class ProducerFacts {
  readonly producer: string
  readonly #heartbeatUs: number
  /** Numbers of its events in the period and of all others. */
  readonly inside: number[] = []
  readonly outside: number[] = []
  readonly protocols = new Map<string, number>()
  readonly days = new Map<string, number>()
  readonly schemaVersions = new Set<number>()
  heartbeats = 0
  sessionsOpened = 0
  sessionsClosed = 0
  version = ''
  /** What it said it can log when it started last; null when it never said so. */
  canLog: readonly string[] | null = null
  canLogAt = ''
  /** What it said it is then. */
  role: string | null = null
  readonly unsigned = new Unsigned()
  longestSilenceUs = 0
  /** Those longer than the heartbeat allows. */
  readonly silences: Silence[] = []
  readonly #heard = new Silences()

  constructor(producer: string, heartbeatUs: number) {
    this.producer = producer
    this.#heartbeatUs = heartbeatUs
  }

  /** Every event of it up to the end of the period; those of one log in the order of the log. */
  take(given: PopulationEvent, occurredUs: number, fromUs: number): void {
    this.#heard.hear(given, occurredUs, fromUs)
    const { event } = given
    if (event?.type === 'edge.started' && event.edge !== null) {
      this.version = event.edge.version
      this.canLog = event.edge.event_types
      this.canLogAt = `${given.log}:${given.position}`
      this.role = event.edge.role
    }
  }

  /** An event of the period by its type. */
  count(type: string): void {
    if (type === 'edge.heartbeat') this.heartbeats += 1
    if (type === 'session.started') this.sessionsOpened += 1
    if (type === 'session.ended') this.sessionsClosed += 1
  }

  /** Once, when all were taken. */
  end(endUs: number, fromUs: number): void {
    for (const silence of this.#heard.between(fromUs, endUs)) {
      const us = silence.toUs - silence.fromUs
      this.longestSilenceUs = Math.max(this.longestSilenceUs, us)
      if (us > this.#heartbeatUs) this.silences.push(silence)
    }
  }
}

/** How the numbers of a producer add up. */
export interface SequenceAccount {
  readonly producer: string
  readonly startSeq: number
  readonly endSeq: number
  /** endSeq - startSeq + 1. */
  readonly spanned: number
  readonly rows: number
  /** Of the span: in the ledger, but not of the period. */
  readonly outside: number
  /** Of the span: lost, and the ledger says so in a `gap.detected`. */
  readonly knownMissing: number
  /** Of the span: lost, and nothing says so. */
  readonly unexplained: readonly (readonly [from: number, to: number])[]
  /** The same number twice within the period. */
  readonly repeated: number
}

export interface KnownGap {
  readonly producer: string
  readonly fromSeq: number
  readonly toSeq: number
  readonly reason: string
  readonly at: string
}

/** Beyond this a jump is taken as a whole: numbers are not followed one by one. */
const longestWalk = 1_000_000

export function accountOf(facts: ProducerFacts, gaps: readonly KnownGap[]): SequenceAccount {
  const inside = [...facts.inside].sort((one, other) => one - other)
  const startSeq = inside[0] ?? 0
  const endSeq = inside.at(-1) ?? -1
  // All other periods together may have more than a set can hold.
  const within = facts.outside.filter((seq) => seq > startSeq && seq < endSeq)
  const outside = new Set(within)
  const lost = gaps.filter(
    ({ producer, reason }) => producer === facts.producer && reason === 'missing',
  )
  let known = 0
  let repeated = 0
  const unexplained: [number, number][] = []
  // The numbers right before the first of the period may be missing, too.
  let previous = facts.outside.reduce(
    (last, seq) => (seq < startSeq && seq > last ? seq : last),
    -1,
  )
  for (const seq of inside) {
    if (seq === previous) repeated += 1
    if (seq - previous > longestWalk) unexplained.push([previous + 1, seq - 1])
    else {
      for (let missing = previous + 1; missing < seq; missing++) {
        if (outside.has(missing)) continue
        const isKnown = lost.some(({ fromSeq, toSeq }) => fromSeq <= missing && missing <= toSeq)
        const last = unexplained.at(-1)
        if (isKnown) known += missing >= startSeq ? 1 : 0
        else if (last?.[1] === missing - 1) last[1] = missing
        else unexplained.push([missing, missing])
      }
    }
    previous = seq
  }
  return {
    producer: facts.producer,
    startSeq,
    endSeq,
    spanned: endSeq - startSeq + 1,
    rows: inside.length,
    outside: within.length,
    knownMissing: known,
    unexplained,
    repeated,
  }
}
