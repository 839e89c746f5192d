import { BusError } from '../../bus.ts'
import { UnreadableBatch } from './unreadable.ts'
import type { KafkaAddress } from './client.ts'

/** What was being done, in the words of a sentence: "may not <action> <what>". */
export interface Attempt {
  /** "read", "write", "create", "describe the settings of" … */
  readonly action: string
  /** "topic audit.events", "group ledger" … */
  readonly what: string
}

/**
 * The error that says what no repetition can mend: who we are, whom we trust, what we may do, what is stored. Null for
 * everything that may pass by itself.
 */
export function finalFault(error: unknown, address: KafkaAddress, at: Attempt): BusError | null {
  for (const link of chainOf(error)) {
    if (link instanceof BusError) return link.code === 'BUS_UNAVAILABLE' ? null : link
    const found = diagnose(link, address, at)
    if (found !== null) return new BusError(...found, { cause: error })
  }
  return null
}

/** What a client's error says in few words: its type where the server named one, else its message. */
export function reasonOf(error: unknown): string {
  const links = [...chainOf(error)]
  for (const link of links) if (link.type !== undefined) return link.type
  for (const link of links) if (typeof link.code === 'string') return link.code
  return links.at(-1)?.message ?? 'unknown'
}

/** Whether the server named one of these as the cause. */
export function isOfType(error: unknown, ...types: readonly string[]): boolean {
  for (const link of chainOf(error)) {
    if (link.type !== undefined && types.includes(link.type)) return true
  }
  return false
}

/** What is wrong with records that could not be read, see `UnreadableBatch`; null where that is not the fault. */
export function howUnreadable(error: unknown): string | null {
  for (const link of chainOf(error)) {
    if (link instanceof UnreadableBatch) return link.how
    if (link.name === 'KafkaJSNotImplemented') {
      const codec = /^(\w+) compression/.exec(link.message)?.[1] ?? 'an unknown codec'
      return `compressed with ${codec}`
    }
  }
  return null
}

interface ErrorLink extends Error {
  readonly type?: string
  readonly code?: unknown
}

function* chainOf(error: unknown): Generator<ErrorLink> {
  if (!(error instanceof Error)) return
  yield error
  if ('errors' in error && Array.isArray(error.errors)) {
    for (const one of error.errors) yield* chainOf(one)
  }
  if (error.cause !== error) yield* chainOf(error.cause)
}

function diagnose(
  link: ErrorLink,
  address: KafkaAddress,
  { action, what }: Attempt,
): [BusError['code'], string] | null {
  const where = address.brokers.join(', ')
  const user =
    address.sasl === null ? 'a client without a user name' : `user ${address.sasl.username}`
  if (typeof link.code === 'string' && trustCodes.has(link.code)) {
    return [
      'BUS_DENIED',
      `the certificate of Kafka at ${where} is not trusted (${link.code}): name the CA that issued it as Kafka's CA file`,
    ]
  }
  switch (link.type ?? '') {
    case 'TOPIC_AUTHORIZATION_FAILED':
    case 'GROUP_AUTHORIZATION_FAILED':
    case 'CLUSTER_AUTHORIZATION_FAILED':
      return [
        'BUS_DENIED',
        `${user} may not ${action} ${what} (${link.type}): Kafka's access rules have to allow it`,
      ]
    case 'UNSUPPORTED_SASL_MECHANISM':
      return [
        'BUS_DENIED',
        `Kafka at ${where} does not offer sign-in by ${address.sasl?.mechanism ?? 'none'}`,
      ]
    case 'ILLEGAL_SASL_STATE':
      return ['BUS_DENIED', `Kafka at ${where} asks for a sign-in (SASL) and got none or another`]
  }
  if (
    link.name === 'KafkaJSSASLAuthenticationError' ||
    link.type === 'SASL_AUTHENTICATION_FAILED'
  ) {
    return [
      'BUS_DENIED',
      `Kafka at ${where} does not accept the password of ${user}, or does not know the user`,
    ]
  }
  return null
}

const trustCodes = new Set([
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'CERT_UNTRUSTED',
  'ERR_TLS_CERT_ALTNAME_INVALID',
])
