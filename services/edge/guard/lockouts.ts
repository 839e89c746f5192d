import type { LockoutUpdate } from '../../../schemas/control.ts'
import type { Actor, Principal } from '../../../schemas/event.ts'

/** Who is somewhere, or wants to be. */
export interface Presence {
  readonly actor: Actor
  /** The name of the target; null where none is meant. */
  readonly target: string | null
  /** Null before there is a session. */
  readonly sessionId: string | null
}

export type LockoutOutcome = 'applied' | 'superseded' | 'full'

const mostLockouts = 10_000

/**
 * The kill switch: which sessions, actors and targets an operator has locked out. Of each subject the newest word counts, also
 * once it was lifted, so that an old one that comes again changes nothing.
 */
export class Lockouts {
  readonly #bySubject = new Map<string, LockoutUpdate>()
  readonly #listeners = new Set<() => void>()
  readonly #most: number

  /** `most`: of subjects that are locked out at a time; beyond it no further one is taken. */
  constructor(most = mostLockouts) {
    this.#most = most
  }

  /** The actors and targets that are locked out, the newest first. A session that was ended does not begin again. */
  get inForce(): readonly LockoutUpdate[] {
    return [...this.#bySubject.values()]
      .filter(({ subject, lifted }) => !lifted && subject !== 'session')
      .toSorted((one, other) => other.version - one.version)
  }

  /** The caller has checked the signature. */
  apply(update: LockoutUpdate): LockoutOutcome {
    const subject = keyOf(update)
    if (update.version <= (this.#bySubject.get(subject)?.version ?? -1)) return 'superseded'
    if (!this.#bySubject.has(subject) && !this.#makeRoom()) return 'full'
    this.#bySubject.set(subject, update)
    for (const listener of this.#listeners) listener()
    return 'applied'
  }

  /** The lockout that keeps this presence out; null when there is none. It meets whoever acts and everybody it acts for. */
  find({ actor, target, sessionId }: Presence): LockoutUpdate | null {
    if (this.#bySubject.size === 0) return null
    const keys = [actor, ...actor.on_behalf_of].map(actorKey)
    if (target !== null) keys.push(keyOf({ subject: 'target', name: target, issuer: null }))
    if (sessionId !== null) keys.push(keyOf({ subject: 'session', name: sessionId, issuer: null }))
    for (const key of keys) {
      const found = this.#bySubject.get(key)
      if (found !== undefined && !found.lifted) return found
    }
    return null
  }

  /** Calls `listener` after each change. Returns what stops it. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** What was lifted goes, and sessions that have ended; rather than forget what is in force nothing more is taken. */
  #makeRoom(): boolean {
    if (this.#bySubject.size < this.#most) return true
    for (const [key, { subject, lifted }] of this.#bySubject) {
      if (lifted || subject === 'session') this.#bySubject.delete(key)
    }
    return this.#bySubject.size < this.#most
  }
}

function actorKey({ issuer, subject: name }: Principal): string {
  return keyOf({ subject: 'actor', name, issuer })
}

function keyOf({ subject, name, issuer }: Pick<LockoutUpdate, 'subject' | 'name' | 'issuer'>) {
  return JSON.stringify([subject, issuer, name])
}
