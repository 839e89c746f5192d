import type { Verdict as RuleVerdict } from '../../guard/decision.ts'
import type { CompiledPolicy } from '../../guard/policy.ts'
import type { PolicyInForce } from '../../guard/policy-in-force.ts'
import { statementClasses } from '../../guard/facts.ts'
import type { Clock } from '../../../runtime/clock.ts'
import type { MaskDecision } from '../masking/mask-plan.ts'
import { MaskVerdicts } from '../masking/mask-verdicts.ts'
import type { TargetMasking } from '../masking/target-masking.ts'
import type { TargetRoutines } from '../routines/target-routines.ts'
import { SnapshotVersions } from '../snapshot/snapshot-versions.ts'
import type { FactsResult } from '../facts.ts'
import type {
  StatementPolicy,
  StatementRefusal,
  StatementSubject,
  Verdict,
} from '../statements/statement-policy.ts'
import type { Grammar } from './grammar.ts'
import { StatementJudge } from './judgement.ts'

export interface RulePolicyOptions {
  readonly grammar: Grammar
  readonly policies: PolicyInForce
  readonly clock: Clock
  readonly maxCharacters?: number
  /** By the name of the target; what has to be masked at another one is refused. */
  readonly masking?: ReadonlyMap<string, TargetMasking>
  /** By the name of the target; at another one PostgreSQL's grammar alone says what is called. */
  readonly routines?: ReadonlyMap<string, TargetRoutines>
}

/** Decides statements by the rules of the policy in force over the facts of PostgreSQL's grammar. */
export class RulePolicy implements StatementPolicy {
  readonly #options: RulePolicyOptions
  readonly #judge: StatementJudge
  readonly #masks: MaskVerdicts
  readonly #maskCatalogs: SnapshotVersions<TargetMasking>
  readonly #code: SnapshotVersions<TargetRoutines>
  #seenMaskCatalogs = 0
  #seenCode = 0
  #policy: CompiledPolicy
  #digest: Buffer
  #window = 0

  constructor(options: RulePolicyOptions) {
    this.#options = options
    const { grammar, maxCharacters, masking = new Map(), routines = new Map() } = options
    this.#judge = new StatementJudge(
      grammar,
      maxCharacters === undefined ? {} : { maxCharacters },
      (subject) => routines.get(subject.target)?.codeFor(subject),
    )
    this.#policy = options.policies.current
    this.#digest = this.#policy.digestBytes
    this.#masks = new MaskVerdicts(grammar, masking)
    this.#maskCatalogs = new SnapshotVersions(masking, ({ catalog }) => catalog)
    this.#code = new SnapshotVersions(routines, ({ code }) => code)
  }

  /** Another object when the policy, a catalog that masks or the code of a target is another, and once a second when conditions look at the time. */
  get digest(): Buffer {
    const { policies, clock } = this.#options
    const { current } = policies
    const window = current.usesTime ? Math.floor(clock.nowMs() / 1000) : 0
    const maskCatalogs = this.#maskCatalogs.version
    const code = this.#code.version
    const isSame = current === this.#policy && window === this.#window
    if (!isSame || maskCatalogs !== this.#seenMaskCatalogs || code !== this.#seenCode) {
      this.#seenMaskCatalogs = maskCatalogs
      this.#seenCode = code
      this.#policy = current
      this.#window = window
      this.#digest = Buffer.from(current.digestBytes)
    }
    return this.#digest
  }

  decide(
    text: string,
    subject: StatementSubject,
    parameterTypes?: readonly number[],
    isDoubtful = false,
  ): Verdict {
    const { policies, clock, masking } = this.#options
    const policy = policies.current
    const judgement = this.#judge.judge(policy, text, subject, clock.nowMs(), {
      parameterTypes,
      isDoubtful,
      isMasked: masking?.has(subject.target) === true,
    })
    const { result, verdict } = judgement
    if (!result.ok) return notTaken(result, verdict)
    if (verdict.outcome !== 'block') {
      for (const known of this.#knownOf(subject)) {
        known.defined(subject, result.mentions, result.facts)
      }
    }
    const isOpaque = judgement.isDoubtful || result.callsCodeOfUsers
    const mask = this.#masks.of(text, subject, result.facts, verdict, isOpaque)
    // Where their number is not known, what is allowed is allowed for every number.
    const looksAtRows = policy.usesLiterals && result.facts.rows !== null
    const { callsCodeOfUsers, reached, cacheable } = result
    return taken(result, verdict, mask, {
      dependsOnLiterals: looksAtRows || !cacheable,
      // Where nothing is masked, such code gains nothing by a name: what that would run, it may run itself.
      runsCodeOfUsers:
        callsCodeOfUsers || (reached.isCode && masking?.has(subject.target) === true),
    })
  }

  catalogChanged(subject: StatementSubject, isAll: boolean): void {
    for (const known of this.#knownOf(subject)) {
      if (isAll) known.settled(subject)
      known.refreshNow()
    }
  }

  ended(subject: StatementSubject): void {
    for (const known of this.#knownOf(subject)) known.ended(subject)
  }

  declared(
    of: 'statement' | 'portal',
    name: string,
    text: string,
    subject: StatementSubject,
    parameterTypes?: readonly number[],
  ): void {
    this.#judge.declared(of, name, text, subject, parameterTypes)
  }

  /** What is known of the catalog of its target. */
  #knownOf({ target }: StatementSubject): readonly (TargetMasking | TargetRoutines)[] {
    const { masking, routines } = this.#options
    return [masking?.get(target), routines?.get(target)].filter((each) => each !== undefined)
  }
}

// What was defined in two phases takes effect with the second.
const defining: ReadonlySet<string> = new Set([...statementClasses.ddl, 'commit_prepared'])

function taken(
  result: FactsResult & { ok: true },
  verdict: RuleVerdict,
  mask: MaskDecision | null,
  parts: Pick<Verdict, 'dependsOnLiterals' | 'runsCodeOfUsers'>,
): Verdict {
  const { facts } = result
  return {
    refusal: refusalOf(verdict, mask, facts.unlistedFunctions.includes('*')),
    mask: mask?.ok === true ? mask.plan : null,
    ruleIds: verdict.ruleIds,
    reason: verdict.reason,
    operation: result.statements === 0 ? 'empty' : facts.kinds.join(','),
    reads: facts.reads,
    writes: facts.writes,
    functions: facts.functions,
    names: result.names,
    settles: result.settles,
    ...parts,
    runsByName: result.runsByName,
    changesCatalog: facts.kinds.some((kind) => defining.has(kind)),
  }
}

/** What is not allowed as it is does not run: approvals are not answered here. */
function refusalOf(
  verdict: RuleVerdict,
  mask: MaskDecision | null,
  mayCallAnything: boolean,
): StatementRefusal | null {
  const { outcome, reason, obligations } = verdict
  const rules = verdict.ruleIds.join(', ')
  if (mask?.ok === false) return { kind: 'blocked', message: mask.message }
  switch (outcome) {
    case 'allow':
    case 'mask':
      return null
    case 'block': {
      const why = mayCallAnything ? `${reason}; ${unknownCode}` : reason
      return { kind: 'blocked', message: `blocked by policy (${rules}): ${why}` }
    }
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

const unknownCode = 'the functions that users have defined at the target cannot be read now'

function notTaken(result: FactsResult & { ok: false }, verdict: RuleVerdict): Verdict {
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
    runsCodeOfUsers: false,
  }
}
