import { statementClasses } from '../../guard/facts.ts'
import type { Facts } from '../../guard/facts.ts'
import { lastNameOf } from '../../guard/policy/relation-names.ts'
import type { Mentions } from '../facts/mentions.ts'
import { qualifiedName } from '../facts/names.ts'

/** What sessions of this edge have defined that no snapshot may show yet. Never changes. */
export interface Definitions {
  /** Functions, operators and types as facts write them, by their last name. */
  readonly names: ReadonlyMap<string, string>
  /** Relations that were defined otherwise, by the last part of their name as facts write it: they may have other code. */
  readonly relations: ReadonlySet<string>
  /** Those of them that may show something else. */
  readonly views: ReadonlySet<string>
  /** Names that relations got. */
  readonly renamed: ReadonlySet<string>
  readonly movesSchemas: boolean
}

export const noDefinitions: Definitions = {
  names: new Map(),
  relations: new Set(),
  views: new Set(),
  renamed: new Set(),
  movesSchemas: false,
}

interface OfSession {
  readonly names: Map<string, string>
  readonly relations: Set<string>
  readonly views: Set<string>
  readonly renamed: Set<string>
  movesSchemas: boolean
  /** From when on a snapshot shows what it did; null while its transaction may go on. */
  shownFromMs: number | null
}

const mostNames = 10_000

/**
 * Remembers what each session, by an object of its own, defines, from before it runs until a snapshot was begun well after its
 * transaction has ended: the session itself uses it at once, and others as soon as it commits.
 */
export class RecentDefinitions {
  readonly #sessions = new Map<object, OfSession>()
  #all: Definitions = noDefinitions

  /** Another object when it is another; null when it is more than is remembered. */
  get all(): Definitions | null {
    const { names, relations } = this.#all
    return Math.max(names.size, relations.size) > mostNames ? null : this.#all
  }

  /** `facts` of the statement that is about to run. */
  add(subject: object, mentions: Mentions, { kinds, writes }: Facts): void {
    const { defined, movesSchemas, views, renamed } = mentions
    const written = kinds.some((kind) => defining.has(kind)) ? writes : []
    if (defined.length + written.length === 0 && !movesSchemas) return
    const session = this.#sessions.get(subject) ?? aSession()
    this.#sessions.set(subject, session)
    for (const parts of defined) {
      if (session.names.size <= mostNames)
        session.names.set(parts.at(-1) ?? '', qualifiedName(parts))
    }
    for (const name of [...written.map(lastNameOf), ...views, ...renamed]) {
      if (session.relations.size <= mostNames) session.relations.add(name)
    }
    for (const name of views) session.views.add(name)
    for (const name of renamed) session.renamed.add(name)
    session.movesSchemas ||= movesSchemas
    session.shownFromMs = null
    this.#gather()
  }

  /** All that the session has defined has ended: a snapshot that is begun from then on shows it. The first time counts. */
  ended(subject: object, shownFromMs: number): void {
    const session = this.#sessions.get(subject)
    if (session !== undefined) session.shownFromMs ??= shownFromMs
  }

  /** A snapshot that was begun then is what is looked at now. */
  seen(begunAtMs: number): void {
    const before = this.#sessions.size
    for (const [subject, { shownFromMs }] of this.#sessions) {
      if (shownFromMs !== null && shownFromMs <= begunAtMs) this.#sessions.delete(subject)
    }
    if (this.#sessions.size < before) this.#gather()
  }

  #gather(): void {
    const sessions = [...this.#sessions.values()]
    const all = (of: (session: OfSession) => ReadonlySet<string>): ReadonlySet<string> =>
      new Set(sessions.flatMap((session) => [...of(session)]))
    this.#all = {
      names: new Map(sessions.flatMap(({ names }) => [...names])),
      relations: all(({ relations }) => relations),
      views: all(({ views }) => views),
      renamed: all(({ renamed }) => renamed),
      movesSchemas: sessions.some(({ movesSchemas }) => movesSchemas),
    }
  }
}

const defining: ReadonlySet<string> = new Set(statementClasses.ddl)

function aSession(): OfSession {
  return {
    names: new Map(),
    relations: new Set(),
    views: new Set(),
    renamed: new Set(),
    movesSchemas: false,
    shownFromMs: null,
  }
}
