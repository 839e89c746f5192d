import { refusalOfAnswer } from './answer-checks.ts'
import type { Answer, Approval, ApprovalState, Step } from './approval-state.ts'

/** A grant that is not used within this time has to be asked for again. */
export const grantLifetimeMs = 600_000

/** Clocks are set by such steps while they run; one that goes back by more cannot be trusted. */
export const clockToleranceMs = 2_000

export function requestApproval(
  request: Pick<
    Approval,
    'approvalId' | 'binding' | 'bindingSha256' | 'requestedAtMs' | 'expiresAtMs'
  >,
): Approval {
  return { ...request, answers: [], state: { kind: 'pending' }, seenMs: request.requestedAtMs }
}

/** One person's answer. A denial ends it; the grant that fulfils the last requirement gives it, and so does an override by itself. */
export function answerApproval(before: Approval, answer: Answer, nowMs: number): Step {
  if (before.answers.some(({ decisionId }) => decisionId === answer.decisionId)) {
    return { approval: before, refusal: 'replayed' }
  }
  const { approval, refusal } = passTime(before, nowMs)
  if (refusal !== null) return { approval, refusal }
  if (approval.state.kind === 'expired') return { approval, refusal: 'expired' }
  if (approval.state.kind !== 'pending') return { approval, refusal: 'not_pending' }
  const wrong = refusalOfAnswer(approval, answer)
  if (wrong !== null) return { approval, refusal: wrong }
  const atMs = approval.seenMs
  const answered = { ...approval, answers: [...approval.answers, answer] }
  if (answer.verdict === 'deny') {
    return { approval: { ...answered, state: { kind: 'denied', atMs } }, refusal: null }
  }
  if (answer.verdict === 'override' || isFulfilled(answered)) {
    const validUntilMs = atMs + grantLifetimeMs
    return {
      approval: { ...answered, state: { kind: 'granted', atMs, validUntilMs } },
      refusal: null,
    }
  }
  return { approval: answered, refusal: null }
}

/** The one use of a grant. */
export function useApproval(
  before: Approval,
  use: { readonly bindingSha256: string; readonly requestId: string },
  nowMs: number,
): Step {
  const { approval, refusal } = passTime(before, nowMs)
  if (refusal !== null) return { approval, refusal }
  if (approval.state.kind === 'expired') return { approval, refusal: 'expired' }
  if (approval.state.kind !== 'granted') return { approval, refusal: 'not_granted' }
  if (use.bindingSha256 !== approval.bindingSha256) return { approval, refusal: 'other_binding' }
  const state = { kind: 'used', atMs: approval.seenMs, requestId: use.requestId } as const
  return { approval: { ...approval, state }, refusal: null }
}

/** Lets time pass: what has run out is expired from then on, whatever the clock says later. */
export function passTime(approval: Approval, nowMs: number): Step {
  if (nowMs < approval.seenMs - clockToleranceMs) return { approval, refusal: 'clock_behind' }
  const atMs = Math.max(nowMs, approval.seenMs)
  const endMs = endOf(approval)
  const state: ApprovalState =
    endMs !== null && atMs >= endMs ? { kind: 'expired', atMs: endMs } : approval.state
  return { approval: { ...approval, state, seenMs: atMs }, refusal: null }
}

/** The answer by which somebody behind the request broke the glass; null where nobody did. */
export function overrideOf({ answers }: Approval): Answer | null {
  return answers.find(({ verdict }) => verdict === 'override') ?? null
}

/** How many hours after an override it has to be reviewed: by the strictest of the rules that held it; null where none lets it be. */
export function reviewWithinHours({ binding }: Approval): number | null {
  const hours = binding.requirements.flatMap(({ breakGlass }) =>
    breakGlass === null ? [] : [breakGlass.reviewWithinHours],
  )
  return hours.length === 0 ? null : Math.min(...hours)
}

/** How many people are still missing, by requirement. */
export function missingApprovers(
  approval: Approval,
): readonly { readonly role: string; readonly count: number }[] {
  return approval.binding.requirements
    .map(({ role, approvers }) => ({ role, count: approvers - peopleWith(approval, role) }))
    .filter(({ count }) => count > 0)
}

function isFulfilled(approval: Approval): boolean {
  return approval.binding.requirements.length > 0 && missingApprovers(approval).length === 0
}

/** Each answer is of another person: `refusalOfAnswer` sees to that. */
function peopleWith({ answers }: Approval, role: string): number {
  return answers.filter(({ verdict, by }) => verdict === 'grant' && by.roles.includes(role)).length
}

function endOf({ state, expiresAtMs }: Approval): number | null {
  switch (state.kind) {
    case 'pending':
      return expiresAtMs
    case 'granted':
      return state.validUntilMs
    case 'denied':
    case 'expired':
    case 'used':
      return null
  }
}
