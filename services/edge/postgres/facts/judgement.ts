import type { Verdict } from '../../guard/decision.ts'
import type { Facts } from '../../guard/facts.ts'
import type { CompiledPolicy, DecisionInput } from '../../guard/policy.ts'
import { factsOf } from '../facts.ts'
import type { FactsResult } from '../facts.ts'
import type { StatementSubject } from '../statement-policy.ts'
import type { Grammar } from './grammar.ts'

/** What a statement would do, all else that the decision rested on, and the decision; no input where the grammar takes no statement. */
export type Judgement = { readonly verdict: Verdict } & (
  | { readonly result: FactsResult & { readonly ok: true }; readonly input: DecisionInput }
  | { readonly result: FactsResult & { readonly ok: false }; readonly input: null }
)

/** Decides statements over the facts of the grammar. Knows by subject what its session has prepared and declared by SQL. */
export class StatementJudge {
  readonly #grammar: Grammar
  readonly #limits: { readonly maxCharacters?: number }
  readonly #named = new WeakMap<StatementSubject, NamedFacts>()

  constructor(grammar: Grammar, limits: { readonly maxCharacters?: number } = {}) {
    this.#grammar = grammar
    this.#limits = limits
  }

  judge(policy: CompiledPolicy, text: string, subject: StatementSubject, nowMs: number): Judgement {
    const { prepared, cursors } = this.#namedBy(subject)
    const result = factsOf(this.#grammar, text, {
      ...this.#limits,
      resolvePrepared: (name) => prepared.get(name),
      resolveCursor: (name) => cursors.get(name),
    })
    if (!result.ok) return { result, input: null, verdict: policy.refuse(result.message) }
    const input = inputOf(result.facts, subject, nowMs)
    const verdict = policy.decide(input)
    if (verdict.outcome === 'allow' || verdict.outcome === 'mask') {
      prepared.addAll(result.prepared)
      cursors.addAll(result.cursors)
    }
    return { result, input, verdict }
  }

  #namedBy(subject: StatementSubject): NamedFacts {
    const known = this.#named.get(subject)
    if (known !== undefined) return known
    const named = { prepared: new FactsByName(), cursors: new FactsByName() }
    this.#named.set(subject, named)
    return named
  }
}

interface NamedFacts {
  readonly prepared: FactsByName
  readonly cursors: FactsByName
}

const mostNames = 1000

/**
 * What the PREPARE statements, or the cursors, of one session run, by name. Only those that were allowed are in it. A name keeps
 * the facts of everything it ever stood for: whether the target has dropped it meanwhile is not known here, and more facts only
 * block more.
 */
class FactsByName {
  readonly #byName = new Map<string, Facts>()

  get(name: string): Facts | null {
    return this.#byName.get(name) ?? null
  }

  addAll(facts: ReadonlyMap<string, Facts>): void {
    for (const [name, each] of facts) this.#add(name, each)
  }

  #add(name: string, facts: Facts): void {
    const before = this.#byName.get(name)
    if (before === undefined && this.#byName.size >= mostNames) return
    this.#byName.set(name, before === undefined ? facts : union(before, facts))
  }
}

function union(one: Facts, other: Facts): Facts {
  const both = <T>(a: readonly T[], b: readonly T[]): readonly T[] => [...new Set([...a, ...b])]
  return {
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
    ...(searchPath === null ? {} : { searchPath: schemasOf(searchPath) }),
    ...(unknown === undefined ? {} : { unknown }),
  }
}

/** The schemas of a search_path as the server reads it: folded to lower case unless quoted. `$user` is left out, as in the default. */
function schemasOf(searchPath: string): readonly string[] {
  const parts = searchPath.match(/"(?:[^"]|"")*"|[^,\s]+/g) ?? []
  return parts
    .map((part) =>
      part.startsWith('"') ? part.slice(1, -1).replaceAll('""', '"') : part.toLowerCase(),
    )
    .filter((schema) => schema !== '$user')
}
