import type { OverrideUpdate } from '../../../../schemas/control.ts'
import type { Answer, AnswerRefusal, Approval, Approver, Person } from './approval-state.ts'

const longestReason = 2_000

/** Why this person may not give this answer; null when he may. */
export function refusalOfAnswer(approval: Approval, answer: Answer): AnswerRefusal | null {
  const { by, reason, verdict } = answer
  if (verdict === 'override') return refusalOfOverride(approval, answer)
  const { binding, answers } = approval
  const refusal = refusalOfJudge(by, {
    requester: binding.actor,
    onBehalfOf: binding.onBehalfOf,
    roles: binding.requirements.map(({ role }) => role),
  })
  if (refusal !== null) return refusal
  if (answers.some((given) => isSame(by, given.by))) return 'approver_has_answered'
  return refusalOfReason(reason)
}

/** Why this person may not review this override; null when he may: whoever could have approved it, and did not break the glass. */
export function refusalOfReview(
  override: Pick<OverrideUpdate, 'by' | 'requester' | 'on_behalf_of' | 'reviewer_roles' | 'review'>,
  { by, reason }: { readonly by: Approver; readonly reason: string },
): AnswerRefusal | null {
  if (override.review !== null) return 'reviewed_already'
  if (isSame(by, override.by)) return 'approver_is_requester'
  const refusal = refusalOfJudge(by, {
    requester: override.requester,
    onBehalfOf: override.on_behalf_of,
    roles: override.reviewer_roles,
  })
  return refusal ?? refusalOfReason(reason)
}

/**
 * Somebody is known by his subject alone where that keeps him out: an approver who has the requester's subject at another issuer is
 * taken for the requester, since nobody here can tell.
 */
function refusalOfJudge(
  by: Approver,
  of: {
    readonly requester: Person
    readonly onBehalfOf: readonly Person[]
    readonly roles: readonly string[]
  },
): AnswerRefusal | null {
  if (isSame(by, of.requester)) return 'approver_is_requester'
  if (of.onBehalfOf.some((person) => isSame(by, person))) return 'approver_is_behind_requester'
  if (by.kind !== 'human') return 'approver_is_no_person'
  if (by.isDelegated) return 'approver_is_delegated'
  return of.roles.some((role) => by.roles.includes(role)) ? null : 'role_missing'
}

/** The glass is for a person who asks himself, or for whom somebody asks; where several rules hold, each must let him. */
function refusalOfOverride({ binding }: Approval, { by, reason }: Answer): AnswerRefusal | null {
  const { actor, onBehalfOf, requirements } = binding
  if (by.kind !== 'human') return 'approver_is_no_person'
  if (by.isDelegated) return 'approver_is_delegated'
  const isBehind = [actor, ...onBehalfOf].some(
    (person) => person.kind === 'human' && isSame(by, person) && by.issuer === person.issuer,
  )
  if (!isBehind) return 'override_is_for_requester'
  const roles = requirements.map(({ breakGlass }) => breakGlass?.role ?? null)
  if (roles.length === 0 || roles.includes(null)) return 'override_not_allowed'
  if (!roles.every((role) => role !== null && by.roles.includes(role))) return 'role_missing'
  return refusalOfReason(reason)
}

function refusalOfReason(reason: string): AnswerRefusal | null {
  if (reason.trim() === '') return 'reason_missing'
  return reason.length > longestReason ? 'reason_too_long' : null
}

function isSame(one: Person, other: Person): boolean {
  return one.subject === other.subject
}
