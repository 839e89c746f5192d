import assert from 'node:assert/strict'
import { test } from 'node:test'

import fc from 'fast-check'

import { roleConflicts } from '../../../schemas/roles.ts'
import type { Role } from '../../../schemas/roles.ts'
import { permits, rolesOf } from '../../../services/api/roles.ts'

const groups = {
  operator: ['platform'],
  analyst: ['security', 'soc'],
  approver: ['leads'],
  policy_author: ['policy'],
  auditor: ['auditors'],
}

test('each group gives the roles that name it', () => {
  assert.deepEqual(rolesOf(['soc', 'leads', 'staff'], groups), ['analyst', 'approver'])
  assert.deepEqual(rolesOf(['staff'], groups), [])
})

test('a permission needs one of its roles', () => {
  assert.deepEqual(permits(['auditor'], 'read_evidence'), { ok: true })
  assert.deepEqual(permits(['approver'], 'decide_approvals'), { ok: true })
  const refused = permits(['auditor'], 'decide_approvals')
  assert.ok(!refused.ok)
  assert.match(refused.reason, /needs the role approver/)
  assert.ok(!permits([], 'end_sessions').ok)
})

test('whoever has two roles that conflict may do nothing', () => {
  const every = Object.keys(groups) as Role[]
  fc.assert(
    fc.property(
      fc.subarray(every),
      fc.constantFrom(...roleConflicts),
      fc.constantFrom(
        'read_evidence' as const,
        'run_reports' as const,
        'decide_approvals' as const,
        'end_sessions' as const,
      ),
      (some, pair, permission) => {
        const check = permits([...new Set([...some, ...pair])], permission)
        assert.ok(!check.ok)
        assert.match(check.reason, /which nobody may be/)
      },
    ),
  )
})
