import { verify } from 'node:crypto'

import { decodeEvent } from '../../../schemas/codec.ts'
import { outlineEvent } from '../../../schemas/event-outline.ts'
import type { EventOutline } from '../../../schemas/event-outline.ts'
import type { AuditEvent, GapPart, GapRecords } from '../../../schemas/event.ts'
import { holdsEvent } from '../../../schemas/leaf.ts'
import type { RecordScope } from '../../edge/capture/recorder.ts'
import type { Logger } from '../../runtime/logger.ts'
import { findingOf, gapOfFinding, mergeFindings } from './finding.ts'
import type { Finding } from './finding.ts'
import { ProducerChain } from './producer-chain.ts'
import type { ChainedEvent } from './producer-chain.ts'
import { ProofError } from '../proof/error.ts'
import { parseVkey } from '../proof/note.ts'
import type { Entry, LedgerReader, LogHead } from '../reader.ts'

/** Entries of each log that are read again at the start, so that the chains go on where they were. */
const replayedEntries = 8192
/**
 * Events kept per producer while an earlier one is missing. Partitions are read side by side and not in step, after an outage some ten
 * thousand events apart; each kept one takes about 200 bytes.
 */
const maxWaiting = 131_072
/** Findings that could not be recorded yet; beyond it the oldest are only in the process log. */
const maxPending = 1024

/**
 * Records as `gap.detected` what is missing or not sound: what the producers' chains show of the events that were sealed, and what the
 * ledger could not seal as an event.
 */
export class GapWatch {
  readonly #scope: RecordScope
  readonly #logger: Logger
  readonly #graceMs: number
  #chain: ProducerChain
  /** What was recorded before this start, so that it is not recorded again. */
  readonly #recorded = new Set<string>()
  #pending: GapPart[] = []

  constructor(scope: RecordScope, logger: Logger, graceMs: number) {
    this.#scope = scope
    this.#logger = logger
    this.#graceMs = graceMs
    this.#chain = new ProducerChain({ verifySeal, graceMs, maxWaiting })
  }

  /** Reads the newest entries of each log. What they show, and no `gap.detected` among them tells, is recorded. */
  async replay(reader: LedgerReader): Promise<void> {
    const found: GapPart[] = []
    const findings: Finding[] = []
    const told: GapRecords[] = []
    const gaps: GapPart[] = []
    const logs = await reader.logs()
    const seesBeginning = logs.every(({ size }) => size <= replayedEntries)
    const graceMs = this.#graceMs
    this.#chain = new ProducerChain({ verifySeal, seesBeginning, graceMs, maxWaiting })
    const firsts = seesBeginning ? new Map<string, number>() : await firstsOf(reader, logs)
    for (const log of logs) {
      for await (const entry of newestOf(reader, log)) {
        const finding = findingOf(entry)
        if (finding !== null) findings.push(finding)
        const outline = sealedOutline(entry)
        if (outline === null || entry.payload === null) continue
        if (outline.type === 'gap.detected') {
          const { gap } = decodeEvent(entry.payload)
          if (gap !== null) {
            this.#recorded.add(nameOf(gap))
            gaps.push(gap)
          }
          if (gap?.records != null) told.push(gap.records)
        }
        if (outline.producerSeq < (firsts.get(outline.producer) ?? 0)) continue
        const isRepeat = entry.leaf.type === 'event' && entry.leaf.dupOf !== undefined
        found.push(...this.#chain.take({ outline, value: entry.payload, isRepeat }, 0))
      }
    }
    this.#record(mergeNeighbours(found.filter((gap) => !gaps.some((each) => covers(each, gap)))))
    this.note(mergeFindings(findings.filter((finding) => !isTold(finding, told))))
  }

  /** Records what was lost on the bus, or sealed as bytes that are no event. */
  note(findings: readonly Finding[]): void {
    if (findings.length > 0) this.#record(findings.map(gapOfFinding))
  }

  take(events: readonly ChainedEvent[], nowMs: number): void {
    const found: GapPart[] = []
    for (const event of events) for (const gap of this.#chain.take(event, nowMs)) found.push(gap)
    if (found.length > 0) this.#record(mergeNeighbours(found))
  }

  expire(nowMs: number): void {
    this.#record(this.#chain.expire(nowMs))
  }

  #record(found: readonly GapPart[]): void {
    const waiting = [...this.#pending, ...found]
    this.#pending = []
    for (const gap of waiting) {
      if (this.#recorded.has(nameOf(gap))) continue
      const outcome = this.#scope.record({ type: 'gap.detected', gap })
      if (outcome.ok) {
        this.#recorded.add(nameOf(gap))
        continue
      }
      this.#logger.error({ gap, reason: outcome.reason }, 'a gap was found and not yet recorded')
      this.#pending.push(gap)
    }
    if (this.#pending.length > maxPending) this.#pending = this.#pending.slice(-maxPending)
  }
}

function newestOf(reader: LedgerReader, { origin, size }: LogHead): AsyncIterable<Entry> {
  return reader.entries(origin, Math.max(0, size - replayedEntries), size)
}

/**
 * From which number on the events of each producer are all among the newest entries. Those of a log that is not read from its beginning
 * end at its first: what another log has from before that has neighbours that are not read again, and they are not lost.
 */
async function firstsOf(
  reader: LedgerReader,
  logs: readonly LogHead[],
): Promise<ReadonlyMap<string, number>> {
  const firsts = new Map<string, number>()
  for (const log of logs) {
    if (log.size <= replayedEntries) continue
    const seen = new Set<string>()
    for await (const entry of newestOf(reader, log)) {
      const outline = sealedOutline(entry)
      if (outline === null || seen.has(outline.producer)) continue
      seen.add(outline.producer)
      const { producer, producerSeq } = outline
      firsts.set(producer, Math.max(firsts.get(producer) ?? 0, producerSeq))
    }
  }
  return firsts
}

/** Ed25519 over `affidavit/edge-seal/v1`, producer, number and hash in hex, one a line, under a key named after the producer. */
function verifySeal(event: AuditEvent): boolean {
  const { seal, producer } = event
  if (seal === null) return false
  try {
    const key = parseVkey(seal.vkey)
    const hash = seal.head_sha256.toString('hex')
    const text = `affidavit/edge-seal/v1\n${producer}\n${seal.head_seq}\n${hash}\n`
    return key.name === producer && verify(null, Buffer.from(text), key.key, seal.signature)
  } catch (error) {
    if (error instanceof ProofError) return false
    throw error
  }
}

/** Numbers of one run are one gap, so that an edge that uses thousands of them anew is told of in a few events. */
function mergeNeighbours(gaps: readonly GapPart[]): readonly GapPart[] {
  const merged: GapPart[] = []
  for (const gap of gaps) {
    const last = merged.at(-1)
    const isNext =
      last?.producer === gap.producer &&
      last.reason === gap.reason &&
      last.to_seq + 1 === gap.from_seq
    if (isNext) merged.splice(-1, 1, { ...last, to_seq: gap.to_seq })
    else merged.push(gap)
  }
  return merged
}

function covers(told: GapPart, gap: GapPart): boolean {
  return (
    told.producer === gap.producer &&
    told.reason === gap.reason &&
    told.from_seq <= gap.from_seq &&
    gap.to_seq <= told.to_seq
  )
}

function nameOf({ producer, from_seq, to_seq, reason }: GapPart): string {
  return JSON.stringify([producer, from_seq, to_seq, reason])
}

/** The outline of what was sealed as an event. */
function sealedOutline({ leaf, payload }: Entry): EventOutline | null {
  return payload !== null && holdsEvent(leaf) ? outlineEvent(payload) : null
}

/** Findings of several records were recorded as one, which spans them. */
function isTold({ topic, partition, fromOffset, toOffset }: Finding, told: GapRecords[]): boolean {
  return told.some(
    (each) =>
      each.topic === topic &&
      each.partition === partition &&
      each.from_offset <= fromOffset &&
      toOffset <= each.to_offset,
  )
}
