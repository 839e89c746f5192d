import type { MaskObligation, Verdict } from '../../guard/decision.ts'
import type { Facts } from '../../guard/facts.ts'
import type { CompiledPolicy, DecisionInput } from '../../guard/policy.ts'
import { factsOf } from '../facts.ts'
import type { FactsResult } from '../facts.ts'
import type { StatementSubject } from '../statements/statement-policy.ts'
import type { Grammar } from './grammar.ts'
import type { Reached, TargetCode } from './mentions.ts'
import { schemasIn } from './names.ts'
import { NamesOfSession, unknownOf } from './names-of-session.ts'

/** What a statement would do, all else that the decision rested on, and the decision; no input where the grammar takes no statement. */
export type Judgement = {
  readonly verdict: Verdict
  /** What runs may be something else that code of users has given its name to. */
  readonly isDoubtful: boolean
} & (
  | { readonly result: FactsResult & { readonly ok: true }; readonly input: DecisionInput }
  | { readonly result: FactsResult & { readonly ok: false }; readonly input: null }
)

export interface JudgementOptions {
  /** Oids of the types other than the server's own that the client declares for parameters. */
  readonly parameterTypes?: readonly number[] | undefined
  /** It is to run under a name that code of users may have given to something else. */
  readonly isDoubtful?: boolean
  /** Something is masked at its target. */
  readonly isMasked?: boolean
}

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
    { parameterTypes = [], isDoubtful = false, isMasked = false }: JudgementOptions = {},
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
    if (!result.ok) {
      return { result, input: null, isDoubtful, verdict: policy.refuse(result.message) }
    }
    const input = inputOf(result.facts, subject, nowMs, code)
    // Of what the protocol runs the edge knows whether; of what SQL runs by a name nobody does.
    const isByName = result.facts.kinds.some((kind) => byName.has(kind))
    const ran = isDoubtful || isByName ? named.ran : null
    const reached = withReached(result.facts, result.reached)
    const masksOf = (facts: Facts | null, why: string) => ({
      masks: facts === null ? [] : policy.masksOf(inputOf(facts, subject, nowMs, code)),
      why,
    })
    const verdict = [
      masksOf(isMasked ? reached : null, comesToOthers),
      masksOf(ran, nameMayStandForAnother),
    ].reduce(withMasks, policy.decide(input))
    // What is held may still be approved, and then the name is there.
    if (verdict.outcome !== 'block') {
      named.statement.addAll(result.prepared)
      named.portal.addAll(result.cursors)
      if (result.callsCodeOfUsers) named.run(result.facts)
      if (result.reached.isCode) named.run(reached)
    }
    return { result, input, isDoubtful: ran !== null, verdict }
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
    const named = new NamesOfSession()
    this.#named.set(subject, named)
    return named
  }
}

/** What code of a relation reads nobody sees. */
function withReached(facts: Facts, { relations, isCode }: Reached): Facts {
  return {
    ...facts,
    reads: [...facts.reads, ...relations],
    columnsRead: [...facts.columnsRead, ...relations.map((name) => `${name}.*`)],
    unlistedFunctions: isCode ? [...facts.unlistedFunctions, '*'] : facts.unlistedFunctions,
  }
}

function inputOf(
  facts: Facts,
  subject: StatementSubject,
  nowMs: number,
  code: TargetCode | null | undefined,
): DecisionInput {
  const { actor, target, database, role, purpose, dataLabels, searchPath, unknown } = subject
  const path = code?.searchPath ?? (searchPath === null ? null : pathOf(searchPath))
  return {
    actor,
    target,
    database,
    role: role ?? null,
    facts,
    purpose,
    labels: dataLabels,
    nowMs,
    ...(path === null ? {} : { searchPath: path }),
    ...(unknown === undefined ? {} : { unknown }),
  }
}

/** `$user` is left out, as in the default. */
function pathOf(searchPath: string): readonly string[] {
  return schemasIn(searchPath).filter((schema) => schema !== '$user')
}

const byName: ReadonlySet<string> = new Set(['execute', 'fetch'])

/** The verdict with masks beside its own. */
function withMasks(
  verdict: Verdict,
  { masks, why }: { readonly masks: readonly MaskObligation[]; readonly why: string },
): Verdict {
  const { outcome, obligations, ruleIds } = verdict
  const known = new Set(obligations.map(({ ruleId }) => ruleId))
  const added = masks.filter(({ ruleId }) => !known.has(ruleId))
  if (outcome === 'block' || added.length === 0) return verdict
  const all = { ...verdict, obligations: [...obligations, ...added] }
  if (outcome === 'hold') return all
  const ids = [...ruleIds, ...added.map(({ ruleId }) => ruleId)]
  return { ...all, outcome: 'mask', ruleIds: ids, reason: why }
}

const comesToOthers =
  'what it reads or writes comes to others by views, triggers and the like, and is masked as they are'
const nameMayStandForAnother =
  'functions of users that this session has called may have given its name to something else, which is masked as what they answer'
