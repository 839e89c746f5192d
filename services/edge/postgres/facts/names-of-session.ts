import { factFlags, noFacts, statementKinds } from '../../guard/facts.ts'
import type { Facts } from '../../guard/facts.ts'
import { Mentions } from './mentions.ts'
import type { NamedFacts } from './mentions.ts'

/** What one session has prepared and declared, by name, whether SQL or the protocol gave it. */
export class NamesOfSession {
  readonly statement = new FactsByName()
  readonly portal = new FactsByName()
  #ran: Facts | null = null

  /**
   * All statements together that had code of users run, null for none: a name may stand for what that has prepared or opened, in place
   * of what it was given to or of what the target would not give it to.
   */
  get ran(): Facts | null {
    return this.#ran
  }

  /** This has code of users run. */
  run(facts: Facts): void {
    const all = this.#ran === null ? facts : union(this.#ran, facts)
    this.#ran = sizeOf(all) > mostFacts ? anything : all
  }
}

/** Nobody knows what runs under this name: no rule allows it. */
export function unknownOf(name: string): NamedFacts {
  return { ...noFacts, unknown: [`what ${name} runs`] }
}

/** Touches every rule that says what it is about. */
const anything: Facts = {
  ...noFacts,
  kinds: statementKinds,
  reads: ['*'],
  writes: ['*'],
  columnsRead: ['*'],
  columnsWritten: ['*'],
  functions: ['*'],
  flags: factFlags,
}

const mostNames = 1000
/** A name that has stood for more than this is not followed any further. */
const mostFacts = 5_000

/**
 * What the prepared statements or the cursors of one session run. A name keeps the facts of everything it ever stood for: whether
 * the target has dropped it meanwhile is not known here, and more facts only block more.
 */
class FactsByName {
  readonly #byName = new Map<string, NamedFacts>()

  get(name: string): NamedFacts | null {
    return this.#byName.get(name) ?? null
  }

  addAll(facts: ReadonlyMap<string, NamedFacts>): void {
    for (const [name, each] of facts) this.#add(name, each)
  }

  #add(name: string, facts: NamedFacts): void {
    const before = this.#byName.get(name)
    if (before === undefined && this.#byName.size >= mostNames) return
    // One text may mention a type ten thousand times.
    const isShort = before === undefined && sizeOf(facts) <= mostFacts
    const all = isShort ? facts : union(before ?? facts, facts)
    this.#byName.set(name, sizeOf(all) > mostFacts ? unknownOf(name) : all)
  }
}

function union(one: NamedFacts, other: NamedFacts): NamedFacts {
  const both = <T>(a: readonly T[], b: readonly T[]): readonly T[] => [...new Set([...a, ...b])]
  const mentions = new Mentions()
  for (const each of [one.mentions, other.mentions]) if (each !== undefined) mentions.add(each)
  return {
    mentions,
    kinds: both(one.kinds, other.kinds),
    reads: both(one.reads, other.reads),
    writes: both(one.writes, other.writes),
    columnsRead: both(one.columnsRead, other.columnsRead),
    columnsWritten: both(one.columnsWritten, other.columnsWritten),
    rows: null,
    functions: both(one.functions, other.functions),
    unlistedFunctions: both(one.unlistedFunctions, other.unlistedFunctions),
    flags: both(one.flags, other.flags),
    unknown: both(one.unknown, other.unknown),
  }
}

function sizeOf({ mentions, ...facts }: NamedFacts): number {
  const lists = Object.values(facts).filter((each) => Array.isArray(each))
  return lists.reduce((sum, { length }) => sum + length, mentions?.size ?? 0)
}
