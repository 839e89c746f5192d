import type { Verdict } from '../../guard/decision.ts'
import { noFacts } from '../../guard/facts.ts'
import type { Facts } from '../../guard/facts.ts'
import type { CompiledPolicy, DecisionInput } from '../../guard/policy.ts'
import { factsOf } from '../facts.ts'
import type { FactsResult } from '../facts.ts'
import type { StatementSubject } from '../statement-policy.ts'
import type { Grammar } from './grammar.ts'
import { Mentions } from './mentions.ts'
import type { NamedFacts, TargetCode } from './mentions.ts'
import { schemasIn } from './names.ts'

/** What a statement would do, all else that the decision rested on, and the decision; no input where the grammar takes no statement. */
export type Judgement = { readonly verdict: Verdict } & (
  | { readonly result: FactsResult & { readonly ok: true }; readonly input: DecisionInput }
  | { readonly result: FactsResult & { readonly ok: false }; readonly input: null }
)

/** Decides statements over the facts of the grammar. Knows by subject what its session has prepared and declared by SQL. */
export class StatementJudge {
  readonly #grammar: Grammar
  readonly #limits: { readonly maxCharacters?: number }
  readonly #codeFor: (subject: StatementSubject) => TargetCode | null | undefined
  readonly #named = new WeakMap<StatementSubject, NamesOfSession>()

  /** `codeFor` gives the code of users at a subject's target: null where it cannot be known now, undefined where it is not asked about. */
  constructor(
    grammar: Grammar,
    limits: { readonly maxCharacters?: number } = {},
    codeFor: (subject: StatementSubject) => TargetCode | null | undefined = () => undefined,
  ) {
    this.#grammar = grammar
    this.#limits = limits
    this.#codeFor = codeFor
  }

  judge(
    policy: CompiledPolicy,
    text: string,
    subject: StatementSubject,
    nowMs: number,
    parameterTypes: readonly number[] = [],
  ): Judgement {
    const named = this.#namedOf(subject)
    const code = this.#codeFor(subject)
    const result = factsOf(this.#grammar, text, {
      ...this.#limits,
      ...(code === undefined ? {} : { code }),
      parameterTypes,
      resolvePrepared: (name) => named.statement.get(name),
      resolveCursor: (name) => named.portal.get(name),
    })
    if (!result.ok) return { result, input: null, verdict: policy.refuse(result.message) }
    const input = inputOf(result.facts, subject, nowMs)
    const verdict = policy.decide(input)
    // What is held may still be approved, and then the name is there.
    if (verdict.outcome !== 'block') {
      named.statement.addAll(result.prepared)
      named.portal.addAll(result.cursors)
    }
    return { result, input, verdict }
  }

  /**
   * Parse or Bind gave the text a name that SQL shares: EXECUTE and FETCH run what it stands for, without the approval or the mask
   * that its Execute would need.
   */
  declared(
    of: 'statement' | 'portal',
    name: string,
    text: string,
    subject: StatementSubject,
    parameterTypes: readonly number[] = [],
  ): void {
    const result = factsOf(this.#grammar, text, { ...this.#limits, parameterTypes })
    // What it may call of the target's users is looked up when the name is used.
    const facts = result.ok ? { ...result.facts, mentions: result.mentions } : unknownOf(name)
    this.#namedOf(subject)[of].addAll(new Map([[name, facts]]))
  }

  #namedOf(subject: StatementSubject): NamesOfSession {
    const known = this.#named.get(subject)
    if (known !== undefined) return known
    const named = { statement: new FactsByName(), portal: new FactsByName() }
    this.#named.set(subject, named)
    return named
  }
}

interface NamesOfSession {
  readonly statement: FactsByName
  readonly portal: FactsByName
}

/** Nobody knows what runs under this name: no rule allows it. */
function unknownOf(name: string): NamedFacts {
  return { ...noFacts, unknown: [`what ${name} runs`] }
}

const mostNames = 1000
/** A name that has stood for more than this is not followed any further. */
const mostFacts = 5_000

/**
 * What the prepared statements or the cursors of one session run, by name, whether SQL or the protocol gave it. A name keeps the
 * facts of everything it ever stood for: whether the target has dropped it meanwhile is not known here, and more facts only block
 * more.
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

function inputOf(facts: Facts, subject: StatementSubject, nowMs: number): DecisionInput {
  const { actor, target, database, role, purpose, dataLabels, searchPath, unknown } = subject
  return {
    actor,
    target,
    database,
    role: role ?? null,
    facts,
    purpose,
    labels: dataLabels,
    nowMs,
    ...(searchPath === null ? {} : { searchPath: pathOf(searchPath) }),
    ...(unknown === undefined ? {} : { unknown }),
  }
}

/** `$user` is left out, as in the default. */
function pathOf(searchPath: string): readonly string[] {
  return schemasIn(searchPath).filter((schema) => schema !== '$user')
}
