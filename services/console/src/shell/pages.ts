import type { SignedIn } from '../api/shapes.ts'

const readers = ['analyst', 'auditor']
const mayEndSessions = ['operator', 'analyst']

const pages = [
  { path: '/sessions', name: 'Sessions', roles: readers },
  { path: '/search', name: 'Search', roles: readers },
  { path: '/approvals', name: 'Approvals', roles: ['approver', ...readers] },
  { path: '/lockouts', name: 'Lockouts', roles: mayEndSessions },
  { path: '/reports', name: 'Reports', roles: readers },
]

/** Whether the kill switch is for them. */
export function endsSessions(me: SignedIn): boolean {
  return me.roles.some((role) => mayEndSessions.includes(role))
}

/** The pages that somebody's roles open, the first of them first. */
export function pagesOf(me: SignedIn): readonly { readonly path: string; readonly name: string }[] {
  return pages.filter(({ roles }) => roles.some((role) => me.roles.includes(role)))
}
