import { setTimeout as pause } from 'node:timers/promises'

import { CodecError, decodeEvent } from '../../schemas/codec.ts'
import { ownContext } from '../../schemas/event.ts'
import type { AuditEvent } from '../../schemas/event.ts'
import { outlineEvent } from '../../schemas/event-outline.ts'
import type { Batch, Bus, StoredRecord } from '../bus/bus.ts'
import { MissedRecords } from '../bus/missed-records.ts'
import { readOn } from '../bus/read-on.ts'
import { sealedHeaders, topics } from '../bus/topics.ts'
import type { Recorder, RecordScope } from '../edge/capture/recorder.ts'
import type { Clock } from '../runtime/clock.ts'
import type { PartHealth } from '../runtime/health.ts'
import type { Logger } from '../runtime/logger.ts'
import { approvalMessage } from './mapping/approval-message.ts'
import type { SealedPlace } from './mapping/approval-message.ts'
import type { WebhookMessage } from './mapping/standard-webhook.ts'
import type { Webhook } from './sinks/webhook.ts'

export interface TellApprovalsOptions {
  readonly bus: Bus
  readonly webhook: Webhook
  readonly tenant: string
  /** Address of the console, for links. */
  readonly consoleUrl: string
  /** Of the service that tells. */
  readonly recorder: Pick<Recorder, 'scope'>
  readonly clock: Clock
  readonly logger: Logger
  readonly signal: AbortSignal
  /** The first pause after a failure; each next one is twice as long, up to a minute. Default one second. */
  readonly firstPauseMs?: number
}

export interface Teller extends AsyncDisposable {
  /** Settles when reading ends: resolves after the signal or disposal, rejects with what made it impossible. */
  readonly done: Promise<void>
  health(): PartHealth
}

const longestPauseMs = 60_000
const triesBeforeAlarm = 3

/**
 * Tells a webhook of every step of every approval, and of what follows a break-glass, once it is sealed, in the order of its session. What is not told yet waits on the
 * bus, not here: a message is sent until the receiver takes or refuses it, or nobody waits for it any more, and a restart goes on with
 * it. After a crash a message may be sent again, under the same id. What the bus has deleted meanwhile is not told: health says so.
 */
export function tellApprovals(options: TellApprovalsOptions): Teller {
  const { bus, webhook } = options
  const stop = new AbortController()
  const signal = AbortSignal.any([options.signal, stop.signal])
  const telling = new Telling(options, signal)
  const done = readOn({
    bus,
    group: `webhook-${webhook.name}`,
    topic: topics.ledgerSealed,
    handle: async (batch) => ({ commit: await telling.batch(batch) }),
    onMissed: (missed) => telling.missed.note(missed),
    signal,
  })
  // Whoever awaits `done` hears of it; nobody has to.
  done.catch(() => undefined)
  return {
    done,
    health: () => telling.health(),
    [Symbol.asyncDispose]: async () => {
      stop.abort()
      await done.catch(() => undefined)
    },
  }
}

class Telling {
  readonly missed: MissedRecords
  readonly #options: TellApprovalsOptions
  readonly #signal: AbortSignal
  readonly #alerts: RecordScope
  #failure: { readonly why: string; readonly tries: number } | null = null
  #refused = 0

  constructor(options: TellApprovalsOptions, signal: AbortSignal) {
    const { webhook, recorder, tenant, logger } = options
    this.#options = options
    this.#signal = signal
    this.missed = new MissedRecords(
      logger.child({ webhook: webhook.name }),
      'no step of an approval among them was told',
    )
    this.#alerts = recorder.scope({
      ...ownContext(tenant),
      target: { name: webhook.name, kind: 'webhook', address: webhook.host },
    })
  }

  health(): PartHealth {
    if (this.#failure !== null && this.#failure.tries >= triesBeforeAlarm) {
      const { why, tries } = this.#failure
      return { state: 'degraded', reason: `a message was not taken ${tries} times: ${why}` }
    }
    const { reason: missed } = this.missed.health()
    const refused =
      this.#refused === 0 ? null : `${this.#refused} messages were refused since the start`
    const found = [refused, missed].filter((each) => each != null)
    return found.length === 0 ? { state: 'ok' } : { state: 'degraded', reason: found.join('; ') }
  }

  /** The offset to go on from: that of the first record that was not told yet when the signal aborts. */
  async batch({ records, highWatermark }: Batch): Promise<bigint> {
    for (const record of records) {
      const sealed = approvalOf(record)
      if (sealed !== null && !(await this.#tell(sealed.event, sealed.place))) return record.offset
    }
    const last = records.at(-1)?.offset
    return last === undefined ? highWatermark : last + 1n
  }

  async #tell(event: AuditEvent, place: SealedPlace): Promise<boolean> {
    const { consoleUrl, clock, firstPauseMs = 1_000 } = this.#options
    for (let tries = 1, pauseMs = firstPauseMs; !this.#signal.aborted; tries += 1) {
      const message = approvalMessage(event, place, consoleUrl, clock.nowMs())
      if (message === null) {
        this.#failure = null
        return true
      }
      if (await this.#tryOnce(event, message, tries)) return true
      try {
        await pause(pauseMs, undefined, { signal: this.#signal })
      } catch {
        return false
      }
      pauseMs = Math.min(pauseMs * 2, longestPauseMs)
    }
    return false
  }

  /** True when there is no more to do about it. */
  async #tryOnce(event: AuditEvent, message: WebhookMessage, tries: number): Promise<boolean> {
    const { webhook, logger } = this.#options
    const delivery = await webhook
      .deliver(message, this.#signal)
      .catch(() => ({ kind: 'unavailable', why: 'stopping' }) as const)
    if (delivery.kind === 'unavailable') {
      this.#failure = { why: delivery.why, tries }
      if (tries === triesBeforeAlarm || tries % 60 === 0) {
        logger.warn({ webhook: webhook.name, tries, reason: delivery.why }, 'a webhook is not told')
      }
      return false
    }
    this.#failure = null
    if (delivery.kind === 'refused') {
      this.#refused += 1
      logger.error({ webhook: webhook.name, reason: delivery.why }, 'a webhook refuses a message')
    }
    // Whether it was recorded decides nothing: what it tells of is sealed already.
    this.#alerts.record({
      type: delivery.kind === 'delivered' ? 'alert.delivered' : 'alert.sent',
      evidence: {
        subject: 'approval',
        reference: event.approval?.approval_id ?? null,
        query: null,
        results: delivery.kind === 'delivered' ? 1 : 0,
      },
    })
    return true
  }
}

function approvalOf(
  record: StoredRecord,
): { readonly event: AuditEvent; readonly place: SealedPlace } | null {
  const { headers, value } = record
  const log = headers[sealedHeaders.log]?.toString('utf8')
  const leafHash = headers[sealedHeaders.leafHash]
  if (log === undefined || leafHash === undefined || headers[sealedHeaders.quarantined]) return null
  const position = Number(headers[sealedHeaders.position]?.toString('latin1'))
  try {
    // Most records are of other types, and a few bytes tell.
    if (!/^(approval|override)[.]/.test(outlineEvent(value).type)) return null
    return { event: decodeEvent(value), place: { log, position, leafHash } }
  } catch (error) {
    if (error instanceof CodecError) return null
    throw error
  }
}
