import type { SignedIn } from '../api/shapes.ts'

const readers = ['analyst', 'auditor']

const pages = [
  { path: '/sessions', name: 'Sessions', roles: readers },
  { path: '/search', name: 'Search', roles: readers },
  { path: '/approvals', name: 'Approvals', roles: ['approver', ...readers] },
  { path: '/reports', name: 'Reports', roles: readers },
]

/** The pages that somebody's roles open, the first of them first. */
export function pagesOf(me: SignedIn): readonly { readonly path: string; readonly name: string }[] {
  return pages.filter(({ roles }) => roles.some((role) => me.roles.includes(role)))
}
