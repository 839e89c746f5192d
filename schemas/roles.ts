/** What people are to the product itself; which groups of the issuer have which role says the configuration. */
export type Role = 'operator' | 'analyst' | 'approver' | 'policy_author' | 'auditor'

/**
 * Roles that nobody may have together (AC-5): who writes the rules does not grant the exceptions, and who audits neither runs the
 * product, writes its rules nor grants its exceptions.
 */
export const roleConflicts: readonly (readonly [Role, Role])[] = [
  ['approver', 'policy_author'],
  ['auditor', 'operator'],
  ['auditor', 'approver'],
  ['auditor', 'policy_author'],
]
