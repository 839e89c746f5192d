import type { Facts } from '../../guard/facts.ts'

/** `x.f` is f(x) where x has no column f. */
export interface AttributeMention {
  readonly name: string
  /** A row, or whatever value an expression or a function in FROM has. */
  readonly of: 'row' | 'value'
  /** The relations whose column it would be; empty where they are not seen. */
  readonly relations: readonly (readonly string[])[]
}

/** What a text says that the target may take for a call of its own code, although the grammar sees none, or another one. */
export class Mentions {
  /** Functions that are called without their schema. */
  readonly functions = new Set<string>()
  /** Syntax that older servers take for a call of the function of that name: since which major version it is syntax. */
  readonly syntax = new Map<string, number>()
  /** Operators without their schema. */
  readonly operators = new Set<string>()
  readonly attributes: AttributeMention[] = []
  /** Types, by the parts of their name. */
  readonly types: (readonly string[])[] = []
  /** Functions that the text defines or renames, by the parts of their name: nobody else sees them before it has committed. */
  readonly defined: (readonly string[])[] = []
  /** Relations that the text has show something else, as facts write the last part of their name: views, and what rules are made for. */
  readonly views = new Set<string>()
  /** Names that relations get, in the same form. */
  readonly renamed = new Set<string>()
  /** It renames a schema, and everything in it with it. */
  movesSchemas = false
  /** Types that the client declares for parameters, by oid; what it leaves open takes the type of its place. */
  readonly parameterTypes: number[] = []

  /** Whether a target's own code could make a difference. */
  get isEmpty(): boolean {
    return (
      this.functions.size === 0 &&
      this.syntax.size === 0 &&
      this.operators.size === 0 &&
      this.attributes.length === 0 &&
      this.parameterTypes.length === 0 &&
      this.types.every(([first]) => first === 'pg_catalog')
    )
  }

  add(other: Mentions): void {
    for (const name of other.functions) this.functions.add(name)
    for (const [name, since] of other.syntax) this.syntax.set(name, since)
    for (const name of other.operators) this.operators.add(name)
    addNew(this.attributes, other.attributes)
    addNew(this.types, other.types)
    addNew(this.defined, other.defined)
    for (const name of other.views) this.views.add(name)
    for (const name of other.renamed) this.renamed.add(name)
    this.movesSchemas ||= other.movesSchemas
    addNew(this.parameterTypes, other.parameterTypes)
  }

  /** How many there are. */
  get size(): number {
    const { functions, syntax, operators, attributes, types, defined, parameterTypes } = this
    const inSets = [functions, syntax, operators, this.views, this.renamed].reduce(
      (sum, { size }) => sum + size,
      0,
    )
    return inSets + attributes.length + types.length + defined.length + parameterTypes.length
  }
}

/** Each once, however often it is mentioned. */
function addNew<T>(known: T[], others: readonly T[]): void {
  const keys = new Set(known.map((each) => JSON.stringify(each)))
  for (const each of others) {
    const key = JSON.stringify(each)
    if (keys.has(key)) continue
    keys.add(key)
    known.push(each)
  }
}

/** What else the statement does, as far as it decides which values there are. */
export interface MentionContext {
  /** Relations that it reads or writes, as facts write them. */
  readonly relations: ReadonlySet<string>
  readonly isWriting: boolean
  /** Functions that it calls and that are not known here, as facts write them. */
  readonly unlisted: ReadonlySet<string>
}

/** The code of users at a target, as a session with one search_path finds it. */
export interface TargetCode {
  /** The schemas in which bare names are looked for, in order. */
  readonly searchPath: readonly string[]
  /** What a text may run of it without naming it as a call, as facts write functions; `*` for any at all. */
  calledBy(mentions: Mentions, context: MentionContext): readonly string[]
  /** What belongs to what is read, written or defined: views, triggers and the like. */
  reachedBy(facts: Pick<Facts, 'kinds' | 'reads' | 'writes'>): Reached
}

/** What a statement comes to without naming it. */
export interface Reached {
  /** As facts write them; also what the statement names. */
  readonly relations: readonly string[]
  /** Code of users runs, and may read anything. */
  readonly isCode: boolean
}

/** The facts of a statement that has a name, with what is to be looked up again each time the name is used. */
export type NamedFacts = Facts & { readonly mentions?: Mentions }
