import type { PolicyRule } from '../../../../schemas/policy.ts'
import type { Obligation } from '../decision.ts'
import { compileCondition } from './condition.ts'
import type { Condition } from './condition.ts'
import type { DecisionInput } from './decision-input.ts'
import { coverParts, scopeParts, touchParts } from './rule-parts.ts'
import type { RulePart } from './rule-parts.ts'

export interface CompiledRule {
  readonly id: string
  readonly outcome: PolicyRule['outcome']
  readonly reason: string | null
  /** What a hold or mask rule demands. */
  readonly obligation: Obligation | null
  readonly condition: Condition | null
  /** What must match for the rule to let a message through, as a whole; null for a block and a mask, which let nothing through. */
  readonly cover: readonly RulePart[] | null
  /** What must match for the rule to stop, hold or mask a message that has any of it; null for an allow. */
  readonly touch: readonly RulePart[] | null
  covers(input: DecisionInput): boolean
  touches(input: DecisionInput): boolean
}

/** Compiles a rule that `checkRules` found nothing wrong with. */
export function compileRule(rule: PolicyRule): CompiledRule {
  const compiled = rule.when === undefined ? null : compileCondition(rule.when)
  if (compiled?.ok === false) throw new TypeError(`rule ${rule.id}: ${compiled.message}`)
  const condition = compiled?.condition ?? null
  const scope = scopeParts(rule)
  const lets = rule.outcome === 'allow' || rule.outcome === 'hold'
  const cover = lets ? [...scope, ...coverParts(rule, condition)] : null
  const touch = rule.outcome === 'allow' ? null : [...scope, ...touchParts(rule, condition)]
  return {
    id: rule.id,
    outcome: rule.outcome,
    reason: rule.reason ?? null,
    obligation: obligationOf(rule),
    condition,
    cover,
    touch,
    covers: (input) => cover !== null && cover.every((part) => part.matches(input)),
    touches: (input) => touch !== null && touch.every((part) => part.matches(input)),
  }
}

/** How long a request may be answered where its rule does not say. */
export const defaultExpiresSeconds = 900
const defaultReviewHours = 24

function obligationOf(rule: PolicyRule): Obligation | null {
  const { id: ruleId, approval, mask } = rule
  if (rule.outcome === 'hold' && approval !== undefined) {
    const { break_glass: breakGlass } = approval
    return {
      kind: 'approval',
      ruleId,
      role: approval.role,
      approvers: approval.approvers ?? 1,
      expiresMs: (approval.expires_seconds ?? defaultExpiresSeconds) * 1000,
      waitMs: (approval.wait_seconds ?? 0) * 1000,
      breakGlass:
        breakGlass === undefined
          ? null
          : {
              role: breakGlass.role,
              reviewWithinHours: breakGlass.review_within_hours ?? defaultReviewHours,
            },
    }
  }
  if (rule.outcome === 'mask' && mask !== undefined) {
    return { kind: 'mask', ruleId, dataClasses: mask.classes }
  }
  return null
}
