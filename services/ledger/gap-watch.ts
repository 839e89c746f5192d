import { verify } from 'node:crypto'

import { CodecError, decodeEvent } from '../../schemas/codec.ts'
import type { AuditEvent, GapPart } from '../../schemas/event.ts'
import type { RecordScope } from '../edge/capture/recorder.ts'
import type { Logger } from '../runtime/logger.ts'
import { ProducerChain } from './producer-chain.ts'
import type { ChainedEvent } from './producer-chain.ts'
import { ProofError } from './proof/error.ts'
import { parseVkey } from './proof/note.ts'
import type { LedgerReader } from './reader.ts'

/** Entries of each log that are read again at the start, so that the chains go on where they were. */
const replayedEntries = 8192
/** Findings that could not be recorded yet; beyond it the oldest are only in the process log. */
const maxPending = 1024

/** Feeds sealed events to the producers' chains and records what they show to be lost as `gap.detected`. */
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
    this.#chain = new ProducerChain({ verifySeal, graceMs })
  }

  /** Reads the newest entries of each log. What they show, and no `gap.detected` among them tells, is recorded. */
  async replay(reader: LedgerReader): Promise<void> {
    const found: GapPart[] = []
    const logs = await reader.logs()
    const seesBeginning = logs.every(({ size }) => size <= replayedEntries)
    this.#chain = new ProducerChain({ verifySeal, seesBeginning, graceMs: this.#graceMs })
    for (const { origin, size } of logs) {
      const from = Math.max(0, size - replayedEntries)
      for await (const { payload } of reader.entries(origin, from, size)) {
        const event = payload === null ? null : decoded(payload)
        if (event === null || payload === null) continue
        if (event.gap !== null) this.#recorded.add(nameOf(event.gap))
        found.push(...this.#chain.take({ event, value: payload }, 0))
      }
    }
    this.#record(found)
  }

  take(events: readonly ChainedEvent[], nowMs: number): void {
    const found: GapPart[] = []
    for (const event of events) found.push(...this.#chain.take(event, nowMs))
    if (found.length > 0) this.#record(found)
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

function nameOf({ producer, from_seq, to_seq, reason }: GapPart): string {
  return JSON.stringify([producer, from_seq, to_seq, reason])
}

function decoded(value: Buffer): AuditEvent | null {
  try {
    return decodeEvent(value)
  } catch (error) {
    if (error instanceof CodecError) return null
    throw error
  }
}
