import assert from 'node:assert/strict'
import { formatProblem } from '../../../../schemas/validated-document.ts'
import { noFacts } from '../../../../services/edge/guard/facts.ts'
import type { Facts } from '../../../../services/edge/guard/facts.ts'
import { compilePolicy, loadPolicy } from '../../../../services/edge/guard/policy.ts'
import type { CompiledPolicy, DecisionInput } from '../../../../services/edge/guard/policy.ts'

export const person = {
  kind: 'human',
  subject: 'olivia',
  issuer: 'https://issuer.test',
  display: null,
} as const

export const agent: DecisionInput['actor'] = {
  kind: 'agent',
  subject: 'shop-agent',
  issuer: 'https://issuer.test',
  display: 'Shop agent',
  groups: [],
  on_behalf_of: [person],
}

export function someFacts(changes: Partial<Facts>): Facts {
  return { ...noFacts, ...changes }
}

export function anInput(changes: Partial<DecisionInput> = {}): DecisionInput {
  return {
    actor: agent,
    target: 'shop',
    database: 'shop',
    role: 'affidavit_edge',
    facts: someFacts({ kinds: ['select'], reads: ['shop.orders'] }),
    purpose: null,
    labels: [],
    nowMs: Date.UTC(2026, 10, 25, 12),
    ...changes,
  }
}

/** Rules as YAML flow maps, one a line. */
export function policyText(...rules: readonly string[]): string {
  return `version: 1\nrules:\n${rules.map((rule) => `  - { ${rule} }\n`).join('')}`
}

export function aPolicy(...rules: readonly string[]): CompiledPolicy {
  const loaded = loadPolicy(policyText(...rules), 'policy.yaml')
  assert.ok(loaded.ok, loaded.ok ? '' : loaded.problems.map(formatProblem).join('\n'))
  return compilePolicy(loaded.policy)
}

export function problemsOf(text: string): readonly string[] {
  const loaded = loadPolicy(text, 'policy.yaml')
  return loaded.ok ? [] : loaded.problems.map(formatProblem)
}
