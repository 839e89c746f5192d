import { randomBytes } from 'node:crypto'

import { loadClassification } from '../../services/edge/guard/masking/classification.ts'
import { compilePolicy, loadPolicy } from '../../services/edge/guard/policy.ts'
import type { CompiledPolicy } from '../../services/edge/guard/policy.ts'
import type { Grammar } from '../../services/edge/postgres/facts/grammar.ts'
import { TargetMasking } from '../../services/edge/postgres/masking/target-masking.ts'
import type { PostgresTarget } from '../../services/edge/postgres/target/target.ts'
import type { Logger } from '../../services/runtime/logger.ts'

/** How much of the guard is in force: one plain rule, or conditions and masking too. */
export type GuardOfBench = 'plain' | 'full'

/** In force for the guarded variant: `filler` of the accounts. pgbench's own statements do not look at it. */
export const maskMethods = ['null', 'fixed', 'last4', 'token'] as const
export type MaskOfBench = (typeof maskMethods)[number]

export function policyOf(guard: GuardOfBench): CompiledPolicy {
  const loaded = loadPolicy(guard === 'plain' ? plainRules : fullRules, 'policy of the bench')
  if (!loaded.ok) {
    throw new Error(`the policy of the bench is refused: ${loaded.problems[0]?.message ?? ''}`)
  }
  return compilePolicy(loaded.policy)
}

/** Reads the target's catalog before it returns. */
export async function maskingOf(
  target: PostgresTarget,
  mask: MaskOfBench,
  grammar: Grammar,
  logger: Logger,
): Promise<TargetMasking> {
  const loaded = loadClassification(classification(mask), 'classification of the bench')
  if (!loaded.ok) throw new Error('the classification of the bench is refused')
  const masking = new TargetMasking({
    target,
    login: {
      user: target.user,
      password: target.password,
      database: target.database,
      applicationName: 'affidavit catalog',
      settings: new Map([['search_path', 'pg_catalog']]),
    },
    columns: loaded.columns,
    key: randomBytes(32),
    grammar,
    logger,
  })
  await masking.refresh(AbortSignal.timeout(30_000))
  return masking
}

const plainRules = `
version: 1
name: bench
default: block
rules:
  - id: agents-read-the-bank
    targets: [bank]
    actors:
      kinds: [agent]
    statements: [read, transaction, session]
    relations:
      read: [public.*, pg_catalog.*]
    outcome: allow
`

const fullRules = `
version: 1
name: bench
default: block
rules:
  - id: nobody-at-night
    targets: [bank]
    statements: [write]
    when: now.getHours('Europe/Berlin') >= 22 || now.getHours('Europe/Berlin') < 6
    outcome: block
  - id: no-bulk-changes
    targets: [bank]
    statements: [write]
    when: rows > 100
    outcome: hold
    approval: { role: owner }
  - id: agents-read-the-bank
    targets: [bank]
    actors:
      kinds: [agent]
    statements: [read, transaction, session]
    relations:
      read: [public.*, pg_catalog.*]
    when: "'agents' in groups && on_behalf_of.exists(person, person.endsWith('@example.com'))"
    outcome: allow
  - id: agents-see-no-filler
    targets: [bank]
    actors:
      kinds: [agent]
    statements: [read]
    when: purpose != 'audit'
    outcome: mask
    mask: { classes: [personal] }
`

function classification(mask: MaskOfBench): string {
  const text = mask === 'fixed' ? ', text: hidden' : ''
  return `
version: 1
columns:
  - { column: public.pgbench_accounts.filler, class: personal, mask: '${mask}'${text} }
`
}
