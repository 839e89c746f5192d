import type { SignedIn } from '../api/shapes.ts'

const readers = ['analyst', 'auditor']
const mayEndSessions = ['operator', 'analyst']

interface Page {
  readonly path: string
  readonly name: string
  /** Any of them opens it; null: everybody finds something there. */
  readonly roles: readonly string[] | null
}

const pages: readonly Page[] = [
  { path: '/sessions', name: 'Sessions', roles: readers },
  { path: '/search', name: 'Search', roles: readers },
  { path: '/approvals', name: 'Approvals', roles: null },
  { path: '/lockouts', name: 'Lockouts', roles: mayEndSessions },
  { path: '/reports', name: 'Reports', roles: readers },
]

/** Whether the kill switch is for them. */
export function endsSessions(me: SignedIn): boolean {
  return hasOneOf(mayEndSessions, me)
}

/** Whether sessions, and what was done in them, are open to them. */
export function readsSessions(me: SignedIn): boolean {
  return hasOneOf(readers, me)
}

/** Whether they see the approvals of others, and not only what they asked for themselves. */
export function seesAllApprovals(me: SignedIn): boolean {
  return hasOneOf(['approver', ...readers], me)
}

/** The pages that are open to somebody, the first of them first. */
export function pagesOf(me: SignedIn): readonly Page[] {
  return pages.filter(({ roles }) => roles === null || hasOneOf(roles, me))
}

function hasOneOf(roles: readonly string[], me: SignedIn): boolean {
  return roles.some((role) => me.roles.includes(role))
}
