import type { Facts } from '../../guard/facts.ts'
import type { Verdict as RuleVerdict } from '../../guard/decision.ts'
import type { CompiledPolicy } from '../../guard/policy.ts'
import type { PolicyInForce } from '../../guard/policy-in-force.ts'
import type { Clock } from '../../../runtime/clock.ts'
import type { MaskDecision } from '../masking/mask-plan.ts'
import { MaskVerdicts } from '../masking/mask-verdicts.ts'
import type { TargetMasking } from '../masking/target-masking.ts'
import { factsOf } from '../facts.ts'
import type { FactsResult } from '../facts.ts'
import type {
  StatementPolicy,
  StatementRefusal,
  StatementSubject,
  Verdict,
} from '../statement-policy.ts'
import type { Grammar } from './grammar.ts'

export interface RulePolicyOptions {
  readonly grammar: Grammar
  readonly policies: PolicyInForce
  readonly clock: Clock
  readonly maxCharacters?: number
  /** By the name of the target; what has to be masked at another one is refused. */
  readonly masking?: ReadonlyMap<string, TargetMasking>
}

/** Decides statements by the rules of the policy in force over the facts of PostgreSQL's grammar. */
export class RulePolicy implements StatementPolicy {
  readonly #options: RulePolicyOptions
  readonly #prepared = new WeakMap<StatementSubject, PreparedFacts>()
  readonly #masks: MaskVerdicts
  #masksVersion = 0
  #policy: CompiledPolicy
  #digest: Buffer
  #window = 0

  constructor(options: RulePolicyOptions) {
    this.#options = options
    this.#policy = options.policies.current
    this.#digest = this.#policy.digestBytes
    this.#masks = new MaskVerdicts(options.grammar, options.masking ?? new Map())
  }

  /** Another object when the policy or a catalog that masks is another, and once a second when conditions look at the time. */
  get digest(): Buffer {
    const { policies, clock } = this.#options
    const { current } = policies
    const window = current.usesTime ? Math.floor(clock.nowMs() / 1000) : 0
    const { version } = this.#masks
    const isSame = current === this.#policy && version === this.#masksVersion
    if (!isSame || window !== this.#window) {
      this.#masksVersion = version
      this.#policy = current
      this.#window = window
      this.#digest = Buffer.from(current.digestBytes)
    }
    return this.#digest
  }

  decide(text: string, subject: StatementSubject): Verdict {
    const { grammar, policies, maxCharacters } = this.#options
    const policy = policies.current
    const prepared = this.#preparedOf(subject)
    const result = factsOf(grammar, text, {
      resolvePrepared: (name) => prepared.get(name),
      ...(maxCharacters === undefined ? {} : { maxCharacters }),
    })
    if (!result.ok) return notTaken(result, policy)
    const verdict = policy.decide({
      actor: subject.actor,
      target: subject.target,
      database: subject.database,
      role: subject.role ?? null,
      facts: result.facts,
      purpose: subject.purpose,
      labels: subject.dataLabels,
      nowMs: this.#options.clock.nowMs(),
      ...(subject.searchPath === null ? {} : { searchPath: schemasOf(subject.searchPath) }),
    })
    const mask = this.#masks.of(text, subject, result.facts, verdict)
    if (verdict.outcome === 'allow' || verdict.outcome === 'mask') {
      for (const [name, facts] of result.prepared) prepared.add(name, facts)
    }
    return taken(result, verdict, mask, policy.usesLiterals || !result.cacheable)
  }

  #preparedOf(subject: StatementSubject): PreparedFacts {
    const known = this.#prepared.get(subject)
    if (known !== undefined) return known
    const prepared = new PreparedFacts()
    this.#prepared.set(subject, prepared)
    return prepared
  }
}

const mostPrepared = 1000

/**
 * What the PREPARE statements of one session run, by name. Only those that were allowed are in it. A name keeps the facts of
 * everything it ever stood for: whether the target has dropped it meanwhile is not known here, and more facts only block more.
 */
class PreparedFacts {
  readonly #byName = new Map<string, Facts>()

  get(name: string): Facts | null {
    return this.#byName.get(name) ?? null
  }

  add(name: string, facts: Facts): void {
    const before = this.#byName.get(name)
    if (before === undefined && this.#byName.size >= mostPrepared) return
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

function taken(
  result: FactsResult & { ok: true },
  verdict: RuleVerdict,
  mask: MaskDecision | null,
  dependsOnLiterals: boolean,
): Verdict {
  const { facts } = result
  return {
    refusal: refusalOf(verdict, mask),
    mask: mask?.ok === true ? mask.plan : null,
    ruleIds: verdict.ruleIds,
    reason: verdict.reason,
    operation: result.statements === 0 ? 'empty' : facts.kinds.join(','),
    reads: facts.reads,
    writes: facts.writes,
    functions: facts.functions,
    names: result.names,
    settles: result.settles,
    dependsOnLiterals,
  }
}

/** What is not allowed as it is does not run: approvals are not answered here. */
function refusalOf(verdict: RuleVerdict, mask: MaskDecision | null): StatementRefusal | null {
  const { outcome, reason, obligations } = verdict
  const rules = verdict.ruleIds.join(', ')
  switch (outcome) {
    case 'allow':
    case 'mask':
      return mask === null || mask.ok ? null : { kind: 'blocked', message: mask.message }
    case 'block':
      return { kind: 'blocked', message: `blocked by policy (${rules}): ${reason}` }
    case 'hold': {
      const roles = obligations
        .filter((obligation) => obligation.kind === 'approval')
        .map(({ role, approvers }) => (approvers === 1 ? role : `${approvers} × ${role}`))
      const whom = [...new Set(roles)].join(' and ')
      return {
        kind: 'held',
        message: `needs approval by ${whom} (${rules}): ${reason}`,
        obligations,
      }
    }
  }
}

function notTaken(result: FactsResult & { ok: false }, policy: CompiledPolicy): Verdict {
  const verdict = policy.refuse(result.message)
  return {
    refusal:
      result.kind === 'syntax_error'
        ? { kind: 'syntax', message: result.message, position: result.position }
        : { kind: 'blocked', message: `statement refused: ${result.message}` },
    mask: null,
    ruleIds: verdict.ruleIds,
    reason: verdict.reason,
    operation: 'unparsed',
    reads: [],
    writes: [],
    functions: [],
    names: [],
    settles: false,
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
