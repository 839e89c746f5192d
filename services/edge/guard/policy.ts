import { createHash } from 'node:crypto'
import type { PolicyFile, PolicyRule } from '../../../schemas/policy.ts'
import policySchema from '../../../schemas/policy.schema.json' with { type: 'json' }
import { compileSchema, inOrder, parseYamlDocument } from '../../../schemas/validated-document.ts'
import type { Located, Problem } from '../../../schemas/validated-document.ts'
import type { Verdict } from './decision.ts'
import type { Facts } from './facts.ts'
import { baselineBlocks, defaultRule, emptyRule, unparseableRule } from './policy/baseline.ts'
import { checkRules } from './policy/checks.ts'
import { compileRule } from './policy/rule.ts'
import type { CompiledRule } from './policy/rule.ts'
import type { DecisionInput } from './policy/decision-input.ts'

export type { DecisionInput } from './policy/decision-input.ts'

/** A policy file in which nothing is wrong. */
export interface Policy {
  readonly name: string | null
  readonly rules: readonly PolicyRule[]
  /** The exact text of the file. */
  readonly text: string
  /** SHA-256 of the file's bytes, hexadecimal. */
  readonly digest: string
}

export type PolicyResult =
  | { readonly ok: true; readonly policy: Policy }
  | { readonly ok: false; readonly problems: readonly Problem[] }

export interface CompiledPolicy {
  readonly name: string | null
  readonly digest: string
  /** The digest's 32 bytes; one object for the life of this policy. */
  readonly digestBytes: Buffer
  /** True when a verdict may change with the time alone, so that it must not be kept. */
  readonly usesTime: boolean
  /** Never throws. */
  decide(input: DecisionInput): Verdict
  /** The verdict on what the grammar does not take, in words for the person who asked. */
  refuse(reason: string): Verdict
}

const isPolicyFile = compileSchema<PolicyFile>(policySchema)
const isRule = compileSchema<PolicyRule>({
  ...policySchema.definitions.rule,
  definitions: policySchema.definitions,
})

/** Reads a policy and reports everything that is wrong with it at once. */
export function loadPolicy(text: string, fileName: string): PolicyResult {
  const document = parseYamlDocument(text, fileName, isPolicyFile)
  if (!document.ok) {
    const rules = document.document === null ? [] : checkWellFormedRules(document.document)
    return { ok: false, problems: inOrder([...document.problems, ...rules]) }
  }
  const { name, rules } = document.value
  const problems = checkRules(rules, document.at)
  if (problems.length > 0) return { ok: false, problems: inOrder(problems) }
  const digest = createHash('sha256').update(text, 'utf8').digest('hex')
  return { ok: true, policy: { name: name ?? null, rules, text, digest } }
}

/** Of a policy that does not fit its schema, the rules that do: a mistake in one must not hide those in another. */
function checkWellFormedRules(document: Located<unknown>): readonly Problem[] {
  const rules = (document.value as { rules?: unknown } | null)?.rules
  if (!Array.isArray(rules)) return []
  return checkRules(
    (rules as unknown[]).map((rule) => (isRule(rule) ? rule : null)),
    document.at,
  )
}

/**
 * Blocks come first: the built-in ones, then those of the policy; none of them can be allowed away. Then the first allow rule
 * that covers the whole message lets it through. A message that several rules would cover only together is blocked: what it
 * does at once is more than any rule meant.
 */
export function compilePolicy(policy: Policy): CompiledPolicy {
  const blocks = policy.rules.filter((rule) => rule.outcome === 'block').map(compileRule)
  const allows = policy.rules.filter((rule) => rule.outcome === 'allow').map(compileRule)
  const verdict = (
    outcome: Verdict['outcome'],
    ruleIds: readonly string[],
    reason: string,
  ): Verdict => ({ outcome, ruleIds, policyDigest: policy.digest, reason, obligations: [] })
  return {
    name: policy.name,
    digest: policy.digest,
    digestBytes: Buffer.from(policy.digest, 'hex'),
    usesTime: [...blocks, ...allows].some((rule) => rule.usesTime),
    refuse: (reason) => verdict('block', [unparseableRule], reason),
    decide: (input) => {
      if (isEmpty(input.facts)) return verdict('allow', [emptyRule], 'there is nothing to run')
      const blocking = blocksOf(blocks, input)
      if (blocking.length > 0) {
        return verdict(
          'block',
          blocking.map((rule) => rule.id),
          blocking[0]?.reason ?? '',
        )
      }
      const allow = allows.find((rule) => rule.applies(input))
      if (allow === undefined) return verdict('block', [defaultRule], uncovered(input.facts))
      return verdict('allow', [allow.id], allow.reason ?? `rule ${allow.id} allows it`)
    },
  }
}

function blocksOf(
  blocks: readonly CompiledRule[],
  input: DecisionInput,
): readonly { readonly id: string; readonly reason: string }[] {
  const matching = blocks
    .filter((rule) => rule.applies(input))
    .map((rule) => ({ id: rule.id, reason: rule.reason ?? `rule ${rule.id} blocks it` }))
  return [...baselineBlocks(input.facts), ...matching]
}

function isEmpty(facts: Facts): boolean {
  return facts.kinds.length === 0 && facts.unknown.length === 0
}

/** What was asked for, in the words of a rule that would allow it. */
function uncovered(facts: Facts): string {
  const parts = [
    facts.kinds.join(', '),
    listed('reading', facts.reads),
    listed('writing', facts.writes),
    listed('calling', facts.unlistedFunctions),
  ]
  return `no rule of the policy allows all of it: ${parts.filter((part) => part !== '').join('; ')}`
}

function listed(verb: string, names: readonly string[]): string {
  if (names.length === 0) return ''
  const more = names.length > 5 ? ` and ${names.length - 5} more` : ''
  return `${verb} ${names.slice(0, 5).join(', ')}${more}`
}
