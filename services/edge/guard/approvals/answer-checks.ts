import type { Answer, AnswerRefusal, Approval, Person } from './approval-state.ts'

const longestReason = 2_000

/**
 * Why this person may not give this answer; null when he may. Somebody is known by his subject alone: an approver who has the
 * requester's subject at another issuer is taken for the requester, since nobody here can tell.
 */
export function refusalOfAnswer(approval: Approval, { by, reason }: Answer): AnswerRefusal | null {
  const { binding, owners, answers } = approval
  if (isSame(by, binding.actor)) return 'approver_is_requester'
  if (binding.onBehalfOf.some((person) => isSame(by, person))) return 'approver_is_behind_requester'
  if (owners.some((person) => isSame(by, person))) return 'approver_owns_requester'
  if (by.kind !== 'human') return 'approver_is_no_person'
  if (by.isDelegated) return 'approver_is_delegated'
  if (answers.some((answer) => isSame(by, answer.by))) return 'approver_has_answered'
  if (!binding.requirements.some(({ role }) => by.roles.includes(role))) return 'role_missing'
  if (reason.trim() === '') return 'reason_missing'
  return reason.length > longestReason ? 'reason_too_long' : null
}

function isSame(one: Person, other: Person): boolean {
  return one.subject === other.subject
}
