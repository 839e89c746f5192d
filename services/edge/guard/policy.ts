import { createHash } from 'node:crypto'
import type { PolicyFile, PolicyRule } from '../../../schemas/policy.ts'
import policySchema from '../../../schemas/policy.schema.json' with { type: 'json' }
import { compileSchema, inOrder, parseYamlDocument } from '../../../schemas/validated-document.ts'
import type { Located, Problem } from '../../../schemas/validated-document.ts'
import type { MaskObligation, Obligation, Verdict } from './decision.ts'
import type { Facts } from './facts.ts'
import { baselineBlocks, defaultRule, emptyRule, unparseableRule } from './policy/baseline.ts'
import { checkAgainstCatalog } from './policy/catalog.ts'
import type { Catalog } from './policy/catalog.ts'
import { checkRules } from './policy/checks.ts'
import { compileRule } from './policy/rule.ts'
import type { CompiledRule } from './policy/rule.ts'
import type { ConditionVariable } from './policy/condition-values.ts'
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
  /** In the order of the file. */
  readonly rules: readonly CompiledRule[]
  /** True when a verdict may change with the time alone: it holds for the second it was given in, no longer. */
  readonly usesTime: boolean
  /** True when a verdict may change with the values of literals, so that it holds for the exact text only. */
  readonly usesLiterals: boolean
  /** Never throws. */
  decide(input: DecisionInput): Verdict
  /** What mask rules demand of an answer that may show what this reads or calls, whatever else is decided. Never throws. */
  masksOf(input: DecisionInput): readonly MaskObligation[]
  /** The verdict on what the grammar does not take, in words for the person who asked. */
  refuse(reason: string): Verdict
}

const isPolicyFile = compileSchema<PolicyFile>(policySchema)
const isRule = compileSchema<PolicyRule>({
  ...policySchema.definitions.rule,
  definitions: policySchema.definitions,
})

/**
 * Reads a policy and reports everything that is wrong with it at once. With catalogs, by target, also what rules name that is not
 * there.
 */
export function loadPolicy(
  text: string,
  fileName: string,
  catalogs: ReadonlyMap<string, Catalog> = new Map(),
): PolicyResult {
  const document = parseYamlDocument(text, fileName, isPolicyFile)
  if (!document.ok) {
    const rules = document.document === null ? [] : checkWellFormedRules(document.document)
    return { ok: false, problems: inOrder([...document.problems, ...rules]) }
  }
  const { name, rules } = document.value
  const problems = [
    ...checkRules(rules, document.at),
    ...[...catalogs].flatMap(([target, catalog]) =>
      checkAgainstCatalog(rules, document.at, target, catalog),
    ),
  ]
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
 * Deny overrides: block before hold before mask before allow. First the built-in blocks and those of the policy; none of them can
 * be allowed away. Then some rule must cover the whole message: an allow, or a hold, which lets through what it covers once its
 * obligation is met. A message that several rules would cover only together is blocked: what it does at once is more than any rule
 * meant. Then every hold that the message touches holds it, and every mask that it touches masks its answer, whichever rule it was
 * that covers it. A mask only narrows: it lets nothing through by itself.
 */
export function compilePolicy(policy: Policy): CompiledPolicy {
  const rules = policy.rules.map(compileRule)
  const by = (outcome: PolicyRule['outcome']): readonly CompiledRule[] =>
    rules.filter((rule) => rule.outcome === outcome)
  const [blocks, holds, masks, allows] = [by('block'), by('hold'), by('mask'), by('allow')]
  const lettingThrough = [...allows, ...holds]
  const looksAt = (...variables: readonly ConditionVariable[]): boolean =>
    rules.some((rule) => variables.some((name) => rule.condition?.variables.has(name)))
  const verdict = (
    outcome: Verdict['outcome'],
    ruleIds: readonly string[],
    reason: string,
    obligations: readonly Obligation[] = [],
  ): Verdict => ({ outcome, ruleIds, policyDigest: policy.digest, reason, obligations })
  return {
    name: policy.name,
    digest: policy.digest,
    digestBytes: Buffer.from(policy.digest, 'hex'),
    rules,
    usesTime: looksAt('now'),
    usesLiterals: looksAt('rows'),
    refuse: (reason) => verdict('block', [unparseableRule], reason),
    masksOf: (input) =>
      masks
        .filter((rule) => rule.touches(input))
        .map(({ obligation }) => obligation)
        .filter((obligation) => obligation?.kind === 'mask'),
    decide: (input) => {
      if (isEmpty(input.facts)) return verdict('allow', [emptyRule], 'there is nothing to run')
      const blocking = blocksOf(blocks, input)
      if (blocking.length > 0) {
        return verdict('block', idsOf(blocking), blocking[0]?.reason ?? '')
      }
      const covering = lettingThrough.find((rule) => rule.covers(input))
      if (covering === undefined) return verdict('block', [defaultRule], uncovered(input.facts))
      const applies = (rule: CompiledRule): boolean => rule === covering || rule.touches(input)
      const holding = holds.filter(applies)
      const masking = masks.filter(applies)
      const obligations = [...holding, ...masking]
        .map((rule) => rule.obligation)
        .filter((obligation) => obligation !== null)
      if (holding.length > 0) {
        return verdict('hold', idsOf(holding), reasonOf(holding, 'holds it'), obligations)
      }
      if (masking.length > 0) {
        // With the rule that lets it through, which is the other half of why the answer went out.
        const ids = idsOf([covering, ...masking])
        return verdict('mask', ids, reasonOf(masking, 'masks its answer'), obligations)
      }
      return verdict('allow', [covering.id], reasonOf([covering], 'allows it'))
    },
  }
}

function idsOf(rules: readonly { readonly id: string }[]): readonly string[] {
  return rules.map(({ id }) => id)
}

function reasonOf(rules: readonly CompiledRule[], does: string): string {
  return rules.find(({ reason }) => reason !== null)?.reason ?? `rule ${rules[0]?.id ?? ''} ${does}`
}

function blocksOf(
  blocks: readonly CompiledRule[],
  input: DecisionInput,
): readonly { readonly id: string; readonly reason: string }[] {
  const matching = blocks
    .filter((rule) => rule.touches(input))
    .map((rule) => ({ id: rule.id, reason: reasonOf([rule], 'blocks it') }))
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
