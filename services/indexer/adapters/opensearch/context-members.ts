import { hash } from 'node:crypto'

import type { IndexDocument } from '../../documents.ts'
import { actorIdentity, actorNames, labelOf } from '../../terms.ts'
import { exactTerm, foldedTerm } from './exact-term.ts'

/** What a document says of the session it is of, and all others of it say as well. */
export type Context = Pick<
  IndexDocument,
  'producer' | 'sessionId' | 'actor' | 'target' | 'sourceAddress'
>

export interface ContextMembers {
  /** The session under the producer that says so; null where there is none. */
  readonly sessionKey: string | null
  /** Begins what the keys of its statements are made of. */
  readonly statementPrefix: string
  /** Who, where and in which session, as members of a source. */
  readonly labels: Buffer
  /** The same, and what is asked of it and read. */
  readonly all: Buffer
}

/**
 * What the sources of a session's events have in common is made once. Whether it is the same context, the identity of the actor and the
 * target tells, which events that were decoded together share. Bounded; the oldest leave.
 */
export class KnownContextMembers {
  readonly #known = new Map<string, { readonly context: Context; readonly made: ContextMembers }>()

  of(context: Context): ContextMembers {
    const name = `${context.producer}\n${context.sessionId}`
    const known = this.#known.get(name)
    if (known !== undefined && isSame(known.context, context)) return known.made
    const { producer, sessionId, actor, target, sourceAddress } = context
    const made = contextMembers(context)
    this.#known.delete(name)
    if (this.#known.size >= mostKnown) {
      const [oldest] = this.#known.keys()
      if (oldest !== undefined) this.#known.delete(oldest)
    }
    this.#known.set(name, { context: { producer, sessionId, actor, target, sourceAddress }, made })
    return made
  }
}

const mostKnown = 1_024

function isSame(one: Context, other: Context): boolean {
  return (
    one.actor === other.actor &&
    one.target === other.target &&
    one.sourceAddress === other.sourceAddress &&
    one.producer === other.producer &&
    one.sessionId === other.sessionId
  )
}

/** The same without a memory, for what is read from the index. */
export function contextMembers(context: Context): ContextMembers {
  const { producer, sessionId, actor, target, sourceAddress } = context
  const sessionKey = producer === null || sessionId === null ? null : keyOf([producer, sessionId])
  const names = actorNames(context)
  const labels = membersOf({
    producer: termOrAbsent(producer),
    session_id: termOrAbsent(sessionId),
    session_key: sessionKey ?? undefined,
    actor:
      actor === null
        ? undefined
        : {
            label: exactTerm(labelOf(actor)),
            kind: actor.kind,
            identity: exactTerm(actorIdentity(actor)),
          },
    target:
      target === null ? undefined : { name: exactTerm(target.name), kind: exactTerm(target.kind) },
    source_address: termOrAbsent(sourceAddress),
  })
  const others = membersOf({
    'asked.actor': names.map(foldedTerm),
    'asked.target': target === null ? undefined : foldedTerm(target.name),
    'asked.session': sessionId === null ? undefined : foldedTerm(sessionId),
    names: [...names, target?.name ?? '', producer ?? ''].join('\n'),
    context: { producer, sessionId, actor, target, sourceAddress },
  })
  return {
    sessionKey,
    statementPrefix: sessionKey ?? keyOf([producer]),
    labels: Buffer.from(labels),
    all: Buffer.from(labels === '' ? others : `${labels},${others}`),
  }
}

function membersOf(object: object): string {
  return JSON.stringify(object).slice(1, -1)
}

function keyOf(parts: readonly (string | null)[]): string {
  return hash('sha256', JSON.stringify(parts)).slice(0, 32)
}

/** An absent member is no part of the JSON. */
export function termOrAbsent(value: string | null): string | undefined {
  return value === null ? undefined : exactTerm(value)
}
