import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { TestContext } from 'node:test'

import type { AuditEvent } from '../../../../../schemas/event.ts'
import type { EmbeddedPostgres } from '../../../../../services/all-in-one/demo/database/embedded-postgres.ts'
import { HeldRequests } from '../../../../../services/edge/guard/approvals/held-requests.ts'
import { Lockouts } from '../../../../../services/edge/guard/lockouts.ts'
import { compilePolicy, loadPolicy } from '../../../../../services/edge/guard/policy.ts'
import { PolicyInForce } from '../../../../../services/edge/guard/policy-in-force.ts'
import { loadGrammar } from '../../../../../services/edge/postgres/facts/grammar.ts'
import { RulePolicy } from '../../../../../services/edge/postgres/facts/rule-policy.ts'
import type { PostgresLimits } from '../../../../../services/edge/postgres/limits.ts'
import type { PostgresTarget } from '../../../../../services/edge/postgres/target/target.ts'
import { systemClock } from '../../../../../services/runtime/clock.ts'
import { MemoryCredentials, password, startEdge } from '../edge-fixture.ts'
import type { TestEdge } from '../edge-fixture.ts'

/** Everything but what is held runs; that waits so many seconds for somebody with the role. */
export function holdingPolicy(approval: string, held = 'delete'): PolicyInForce['current'] {
  const loaded = loadPolicy(
    `version: 1
rules:
  - id: work
    targets: [orders]
    statements: [read, insert, delete, transaction, prepare, execute, deallocate]
    relations: { read: ['*'], write: ['*'] }
    outcome: allow
  - { id: deletes, targets: [orders], statements: [${held}], outcome: hold, approval: ${approval} }
`,
    'policy.yaml',
  )
  assert.ok(loaded.ok, JSON.stringify(loaded))
  return compilePolicy(loaded.policy)
}

export interface WaitingEdge extends TestEdge {
  readonly held: HeldRequests
  readonly policies: PolicyInForce
  readonly lockouts: Lockouts
  /** Resolves with the n-th approval that is asked for, counted from 1. */
  asked(count?: number): Promise<AuditEvent>
  answer(asked: AuditEvent, verdict?: 'grant' | 'deny'): void
}

/** An edge under real rules before a real target, and an approver at hand. */
export async function aWaitingEdge(
  t: TestContext,
  server: EmbeddedPostgres,
  options: {
    readonly approval?: string
    readonly limits?: Partial<PostgresLimits>
    readonly durability?: 'strict' | 'batched'
    readonly plain?: boolean
    readonly target?: Partial<PostgresTarget>
    readonly expiresAtMs?: number
  } = {},
): Promise<WaitingEdge> {
  const { approval = '{ role: owner, wait_seconds: 60 }', limits, expiresAtMs } = options
  const policies = new PolicyInForce(holdingPolicy(approval))
  const held = new HeldRequests({ edge: 'edge-test', clock: systemClock, newId: randomUUID })
  const lockouts = new Lockouts()
  const credentials = new MemoryCredentials()
  credentials.issue('agent', password, expiresAtMs === undefined ? {} : { expiresAtMs })
  const policy = new RulePolicy({ grammar: await loadGrammar(), policies, clock: systemClock })
  const edge = await startEdge(server, {
    plain: options.plain ?? true,
    target: { durability: options.durability ?? 'batched', ...options.target },
    options: {
      guard: { credentials, policy, held, lockouts },
      ...(limits === undefined ? {} : { limits }),
    },
  })
  t.after(() => edge[Symbol.asyncDispose]())
  return {
    ...edge,
    credentials,
    held,
    policies,
    lockouts,
    async asked(count = 1) {
      const asked = await edge.recorder.until('approval.requested', count)
      return asked[count - 1] as AuditEvent
    },
    answer({ approval: part }, verdict = 'grant') {
      assert.ok(part !== null)
      const applied = held.apply({
        kind: 'approval',
        version: 1,
        approval_id: part.approval_id,
        edge: 'edge-test',
        outcome: verdict === 'grant' ? 'granted' : 'denied',
        binding_sha256: part.binding_sha256.toString('hex'),
        answers: [
          {
            decision_id: randomUUID(),
            verdict,
            reason: 'looked at it',
            by: {
              kind: 'human',
              subject: 'nia',
              issuer: 'https://issuer.test',
              display: 'Nia Novák',
              roles: ['owner'],
              is_delegated: false,
            },
          },
        ],
      })
      assert.equal(applied, 'applied')
    },
  }
}
