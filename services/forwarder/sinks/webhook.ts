import type { Clock } from '../../runtime/clock.ts'
import { webhookHeaders } from '../mapping/standard-webhook.ts'
import type { WebhookMessage } from '../mapping/standard-webhook.ts'

export interface WebhookOptions {
  readonly name: string
  /** `https:`, or `http:` on this machine. */
  readonly url: string
  readonly secret: Uint8Array
  readonly clock: Clock
}

export type Delivery =
  | { readonly kind: 'delivered' }
  /** The receiver does not want it, and would not want it later. */
  | { readonly kind: 'refused'; readonly why: string }
  /** It may be taken later. */
  | { readonly kind: 'unavailable'; readonly why: string }

/** Longer than any receiver should take to put a message aside. */
const answerMs = 10_000
/** Too early, too slow, too much: not a verdict on the message. */
const passing = new Set([408, 425, 429])

/** Sends signed messages to one address. What it answers beyond its status is not read; a redirect is not followed. */
export class Webhook {
  readonly name: string
  readonly host: string
  readonly #options: WebhookOptions

  constructor(options: WebhookOptions) {
    this.name = options.name
    this.host = new URL(options.url).host
    this.#options = options
  }

  /** Sends once. Rejects only with the signal's reason. */
  async deliver(message: WebhookMessage, signal: AbortSignal): Promise<Delivery> {
    const { url, secret, clock } = this.#options
    try {
      const response = await fetch(url, {
        method: 'POST',
        redirect: 'manual',
        headers: webhookHeaders(message, secret, clock.nowMs()),
        body: message.body,
        signal: AbortSignal.any([signal, AbortSignal.timeout(answerMs)]),
      })
      await response.body?.cancel()
      return verdictOf(response.status)
    } catch (error) {
      signal.throwIfAborted()
      return { kind: 'unavailable', why: reasonOf(error) }
    }
  }
}

function verdictOf(status: number): Delivery {
  if (status >= 200 && status < 300) return { kind: 'delivered' }
  const why = `it answers with status ${status}`
  const isFinal = status < 500 && !passing.has(status)
  return { kind: isFinal ? 'refused' : 'unavailable', why }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown'
  const { cause } = error
  if (cause instanceof Error && 'code' in cause) return String(cause.code)
  return error.name === 'TimeoutError' ? `no answer in ${answerMs} ms` : error.name
}
