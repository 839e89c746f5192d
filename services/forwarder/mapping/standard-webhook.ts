import { createHmac } from 'node:crypto'

/** What is sent to a webhook: the id is the same each time the same message is sent, so that a receiver can tell. */
export interface WebhookMessage {
  readonly id: string
  readonly body: string
}

/** The headers of Standard Webhooks 1.0.0 (standardwebhooks.com), signed by HMAC-SHA256 over id, time and body. */
export function webhookHeaders(
  { id, body }: WebhookMessage,
  secret: Uint8Array,
  nowMs: number,
): Readonly<Record<string, string>> {
  const timestamp = String(Math.floor(nowMs / 1000))
  const mac = createHmac('sha256', secret).update(`${id}.${timestamp}.${body}`).digest('base64')
  return {
    'content-type': 'application/json',
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': `v1,${mac}`,
  }
}

const fewestBytes = 24
const mostBytes = 64

/** `whsec_` and base64 of 24 to 64 bytes, as that standard writes secrets; null for anything else. */
export function webhookSecretOf(text: string): Buffer | null {
  const base64 = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(text)?.[1]
  if (base64 === undefined) return null
  const secret = Buffer.from(base64, 'base64')
  const isWhole = secret.toString('base64') === base64
  return isWhole && secret.length >= fewestBytes && secret.length <= mostBytes ? secret : null
}
