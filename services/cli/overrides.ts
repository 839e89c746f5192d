import type { Static } from 'typebox'

import type { OverrideList, OverrideView } from '../api/schemas/approvals.ts'
import { apiClient } from './api-client.ts'
import { CommandFailure } from './failure.ts'
import { onOneLine, quoted } from './one-line.ts'
import type { SignInOptions } from './sign-in.ts'

type Override = Static<typeof OverrideView>

export interface ReviewOptions extends SignInOptions {
  readonly verdict: 'justified' | 'not-justified'
  readonly reason: string
  readonly json?: boolean
}

/** `affidavit approvals review`. */
export async function reviewOverride(id: string, options: ReviewOptions): Promise<void> {
  const api = await apiClient(options)
  const { overrides } = await api.get<Static<typeof OverrideList>>('/v1/overrides')
  const seen = overrides.find(({ approval_id: each }) => each === id)
  if (seen === undefined) {
    throw new CommandFailure(
      `no break-glass has the id ${id}; see those that wait: affidavit approvals list`,
    )
  }
  const after = await api.post<Override>(`/v1/overrides/${id}/review`, {
    verdict: options.verdict === 'justified' ? 'justified' : 'not_justified',
    reason: options.reason,
    binding_sha256: seen.binding_sha256,
  })
  process.stdout.write(
    options.json === true ? `${JSON.stringify(after, null, 2)}\n` : overrideText(after),
  )
}

export function overrideText(override: Override): string {
  const { requester, on_behalf_of: behind, by, reviewer_roles: roles } = override
  const lines = [
    `${override.approval_id}  ${stateOf(override)}`,
    `  ${[requester, ...behind].map(nameOf).join(' for ')} at ${override.target}`,
    quoted(override.statement ?? 'the statement was erased'),
    `  break-glass by ${nameOf(by)} at ${override.overridden_at}: ${onOneLine(override.reason)}`,
    override.review === null
      ? `  ${reviewText(override)} by somebody else with the role ${roles.join(' or ')}`
      : `  ${reviewText(override)}`,
  ]
  return `${lines.join('\n')}\n`
}

/** What became of the review, or until when it is due. */
export function reviewText({
  review,
  due_at: dueAt,
  is_overdue: isOverdue,
}: Pick<Override, 'review' | 'due_at' | 'is_overdue'>): string {
  if (review === null) {
    return isOverdue ? `should have been reviewed by ${dueAt}` : `to be reviewed until ${dueAt}`
  }
  const verdict = review.verdict === 'justified' ? 'justified' : 'not justified'
  return `found ${verdict} by ${nameOf(review.by)}: ${onOneLine(review.reason)}`
}

export function nameOf(person: { readonly subject: string; readonly display: string | null }) {
  return onOneLine(person.display ?? person.subject)
}

function stateOf({ review, is_overdue: isOverdue }: Override): string {
  if (review !== null) return 'reviewed'
  return isOverdue ? 'OVERDUE' : 'waits for review'
}
