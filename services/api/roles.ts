import { roleConflicts } from '../../schemas/roles.ts'
import type { Role } from '../../schemas/roles.ts'
import type { RoleGroups } from '../runtime/config.ts'

/** What somebody may do here. Getting a session password is not among them: there, policy decides at the edge. */
export type Permission =
  'read_evidence' | 'run_reports' | 'view_approvals' | 'decide_approvals' | 'end_sessions'

const rolesWith: Readonly<Record<Permission, readonly Role[]>> = {
  read_evidence: ['analyst', 'auditor'],
  run_reports: ['analyst', 'auditor'],
  view_approvals: ['approver', 'analyst', 'auditor'],
  decide_approvals: ['approver'],
  end_sessions: ['operator', 'analyst'],
}

export type RoleCheck = { readonly ok: true } | { readonly ok: false; readonly reason: string }

/** The roles that these groups give, in the order of the configuration. */
export function rolesOf(groups: readonly string[], mapping: RoleGroups): readonly Role[] {
  return (Object.keys(mapping) as Role[]).filter((role) =>
    mapping[role].some((group) => groups.includes(group)),
  )
}

/** Whether roles permit something. Roles that conflict permit nothing at all, until one of them is taken away. */
export function permits(roles: readonly Role[], permission: Permission): RoleCheck {
  for (const [one, other] of roleConflicts) {
    if (roles.includes(one) && roles.includes(other)) {
      return {
        ok: false,
        reason: `your groups make you both ${one} and ${other}, which nobody may be`,
      }
    }
  }
  const needed = rolesWith[permission]
  if (roles.some((role) => needed.includes(role))) return { ok: true }
  return {
    ok: false,
    reason: `this needs the role ${needed.join(' or ')}; identity.roles of the configuration says which groups have it`,
  }
}
