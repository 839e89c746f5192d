import type { StepRefusal } from '../../edge/guard/approvals/approval-state.ts'
import { mostUnreviewed } from '../../edge/guard/approvals/overrides.ts'
import type { OverrideBar } from '../../edge/guard/approvals/overrides.ts'
import { Problem } from '../problem.ts'

/** Why an answer, an override or a review is not taken. */
export type AnswerProblem = StepRefusal | OverrideBar | 'forgotten'

const sentences: Readonly<Record<AnswerProblem, string>> = {
  replayed: 'this answer was given already',
  clock_behind: 'the clock of this server went back; answers wait until it has caught up',
  expired: 'it has expired; the requester has to ask again',
  forgotten:
    'the edge that asked has stopped or started anew since, and knows of it no more; the requester has to send it again',
  not_pending: 'it was answered already',
  not_granted: 'it is not granted',
  other_binding: 'the answer is to something else',
  approver_is_requester: 'nobody approves a request of his own, or reviews his own break-glass',
  approver_is_behind_requester: 'the requester acts for you, so somebody else has to answer',
  approver_is_no_person: 'only people approve',
  approver_is_delegated: 'an answer is given by the person, not by somebody who acts for it',
  approver_has_answered: 'you have answered already; another person has to',
  role_missing: 'you have none of the roles that the rule asks for',
  reason_missing: 'say why',
  reason_too_long: 'the reason is too long',
  override_not_allowed: 'a rule that holds it lets nobody break the glass; it has to be approved',
  override_is_for_requester: 'the glass is for the person who asks, or for whom an agent asks',
  reviewed_already: 'it was reviewed already',
  review_overdue:
    'the review of an earlier break-glass of yours is overdue; somebody has to review that first',
  too_many_unreviewed: `${mostUnreviewed} of your overrides wait for their review; some have to be reviewed first`,
}

const over: readonly AnswerProblem[] = [
  'replayed',
  'expired',
  'forgotten',
  'not_pending',
  'clock_behind',
  'reviewed_already',
]

export function refusalProblem(refusal: AnswerProblem): Problem {
  return new Problem(over.includes(refusal) ? 'busy' : 'not-allowed', sentences[refusal])
}
