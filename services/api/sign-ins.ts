import { randomBytes } from 'node:crypto'

import { LRUCache } from 'lru-cache'

import type { Actor } from '../../schemas/event.ts'
import type { Clock } from '../runtime/clock.ts'

/** A person who signed in to the console. */
export interface ConsoleSignIn {
  readonly actor: Actor
  readonly expiresAtMs: number
}

/** What a sign-in that is under way must be met with when the issuer sends the browser back. */
export interface PendingSignIn {
  readonly nonce: string
  readonly codeVerifier: string
  readonly returnTo: string
  readonly expiresAtMs: number
}

const mostSignIns = 10_000
const mostPending = 1_000

/**
 * Sign-ins by their random ids, which live in cookies. In memory: a restart signs everybody out. At its bound the one
 * that was not used for longest goes, so that a flood costs people a new sign-in and the process no memory.
 */
export class SignIns {
  readonly #signIns = new LRUCache<string, ConsoleSignIn>({ max: mostSignIns })
  readonly #pending = new LRUCache<string, PendingSignIn>({ max: mostPending })
  readonly #clock: Clock

  constructor(clock: Clock) {
    this.#clock = clock
  }

  begin(state: string, pending: PendingSignIn): void {
    this.#pending.set(state, pending)
  }

  /** The pending sign-in of this state, once. */
  take(state: string): PendingSignIn | null {
    const pending = this.#pending.get(state)
    this.#pending.delete(state)
    return pending !== undefined && pending.expiresAtMs > this.#clock.nowMs() ? pending : null
  }

  /** Keeps a sign-in and gives the id for its cookie: 256 random bits. */
  add(signIn: ConsoleSignIn): string {
    const id = randomBytes(32).toString('base64url')
    this.#signIns.set(id, signIn)
    return id
  }

  find(id: string): ConsoleSignIn | null {
    const signIn = this.#signIns.get(id)
    if (signIn === undefined) return null
    if (signIn.expiresAtMs > this.#clock.nowMs()) return signIn
    this.#signIns.delete(id)
    return null
  }

  remove(id: string): void {
    this.#signIns.delete(id)
  }
}
