import type { Verdict } from '../decision.ts'
import type { Facts } from '../facts.ts'
import type { CompiledPolicy } from '../policy.ts'
import { baselineBlocks, defaultRule } from './baseline.ts'
import type { DecisionInput } from './decision-input.ts'
import type { CompiledRule } from './rule.ts'
import type { RulePart } from './rule-parts.ts'

/** Why a message is decided as it is. */
export interface Explanation {
  readonly verdict: Verdict
  readonly facts: Facts
  /** The built-in rules that block it, then every rule of the policy in the order of the file. */
  readonly rules: readonly RuleExplanation[]
}

export interface RuleExplanation {
  readonly id: string
  readonly outcome: Verdict['outcome']
  /** Whether the outcome is this rule's doing. */
  readonly decides: boolean
  /** One sentence: what of the facts it matched, or what kept it from it. */
  readonly why: string
}

export function explain(policy: CompiledPolicy, input: DecisionInput): Explanation {
  const verdict = policy.decide(input)
  const decides = (id: string): boolean => verdict.ruleIds.includes(id)
  const builtin = baselineBlocks(input.facts).map(({ id, reason }) => ({
    id,
    outcome: 'block' as const,
    decides: decides(id),
    why: reason,
  }))
  const rules = policy.rules.map((rule) => ({
    id: rule.id,
    outcome: rule.outcome,
    decides: decides(rule.id),
    why: whyOf(rule, input, verdict),
  }))
  return { verdict, facts: input.facts, rules: [...builtin, ...rules] }
}

function whyOf(rule: CompiledRule, input: DecisionInput, verdict: Verdict): string {
  const decides = verdict.ruleIds.includes(rule.id)
  if (rule.touch !== null) {
    const missing = rule.touch.find((part) => !part.matches(input))
    if (missing === undefined) {
      const matched = matchedBy(rule.touch, input)
      if (decides) return matched
      const open = rule.cover?.find((part) => !part.matches(input))
      const isUncovered = verdict.ruleIds.includes(defaultRule) && open !== undefined
      return isUncovered
        ? `${matched}; lets nothing through, since ${open.name}: ${open.detail(input)}`
        : `${matched}; ${strongerThan(rule, verdict)}`
    }
    if (!decides) return `${missing.name}: ${missing.detail(input)}`
  }
  const missing = rule.cover?.find((part) => !part.matches(input))
  if (missing !== undefined) return `${missing.name}: ${missing.detail(input)}`
  const covered = matchedBy(rule.cover ?? [], input)
  return decides ? covered : `${covered}; ${strongerThan(rule, verdict)}`
}

/** What of the input a rule matched. That everybody and everything is meant says nothing. */
function matchedBy(parts: readonly RulePart[], input: DecisionInput): string {
  const details = parts
    .filter(({ name }) => name !== 'facts')
    .map((part) => ({ name: part.name, detail: part.detail(input) }))
    .filter(({ detail }) => !detail.endsWith(' nothing'))
    .map(({ name, detail }) => `${name}: ${detail}`)
  return details.join('; ')
}

function strongerThan(rule: CompiledRule, verdict: Verdict): string {
  if (verdict.outcome === rule.outcome) return `${verdict.ruleIds.join(', ')} comes first`
  return `${verdict.outcome} is stronger than ${rule.outcome}`
}
