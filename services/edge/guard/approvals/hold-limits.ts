import { passTime } from './approval.ts'
import type { Approval } from './approval-state.ts'

/** What may wait at one edge. Nothing that waits gives way to another: what would be too much is not asked for. */
export interface HoldLimits {
  /** Requests that are not forgotten yet. */
  readonly maxRequests: number
  /** Of one actor, those that wait for an answer. */
  readonly maxOfActor: number
  /** What somebody has to read of all that wait for an answer or for their use: the api keeps it at hand. */
  readonly maxBytes: number
  /** The same of one actor. */
  readonly maxBytesOfActor: number
}

export const defaultHoldLimits: HoldLimits = {
  maxRequests: 10_000,
  maxOfActor: 20,
  maxBytes: 32 * 1024 * 1024,
  maxBytesOfActor: 4 * 1024 * 1024,
}

export interface Held {
  readonly approval: Approval
  readonly sizeBytes: number
}

/** Why a new request is not asked for, for the person who asks, with what to do; null where it is. */
export function whyNotAsked(
  held: readonly Held[],
  asked: { readonly subject: string; readonly sizeBytes: number; readonly nowMs: number },
  { maxRequests, maxOfActor, maxBytes, maxBytesOfActor }: HoldLimits,
): string | null {
  const { subject, sizeBytes, nowMs } = asked
  if (sizeBytes > maxBytesOfActor) {
    return `with its values it has ${sizeBytes} bytes, and nobody is asked to read more than ${maxBytesOfActor}; send it in parts`
  }
  const open = held.filter(({ approval }) => isOpen(approval, nowMs))
  const own = open.filter(({ approval }) => approval.binding.actor.subject === subject)
  const pending = own.filter(({ approval }) => approval.state.kind === 'pending').length
  if (pending >= maxOfActor) {
    return `${pending} requests of ${subject} wait for approval already; ${comeBack}`
  }
  if (bytesOf(own) + sizeBytes > maxBytesOfActor) {
    return `${own.length} requests of ${subject} with ${bytesOf(own)} bytes wait for approval or for their use already, and this one has ${sizeBytes} more; ${comeBack}`
  }
  if (bytesOf(open) + sizeBytes > maxBytes) {
    return `${open.length} requests with ${bytesOf(open)} bytes wait for approval or for their use already; ${comeBack}`
  }
  if (held.length < maxRequests) return null
  return `${held.length} requests wait for approval already; ${comeBack}`
}

/** It can still be answered, or be used. */
function isOpen(approval: Approval, nowMs: number): boolean {
  const { kind } = passTime(approval, nowMs).approval.state
  return kind === 'pending' || kind === 'granted'
}

function bytesOf(held: readonly Held[]): number {
  return held.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
}

const comeBack = 'run it again when some of them are answered, or have expired'
