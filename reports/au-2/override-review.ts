import type { RuleResult } from '../determination.ts'
import { exception, instant, result } from './findings.ts'
import type { Au2Facts } from './ledger-facts.ts'
import type { Override } from './override-facts.ts'

/** AC5-09: each break-glass whose review was due in the period was reviewed by then, by another person. */
export function overrideReviews(facts: Au2Facts): RuleResult {
  const due = overridesOf(facts)
  const found = due
    .filter((override) => !isReviewedInTime(override))
    .map((override) => {
      const { approvalId, by, target, indices } = override
      const broken = `${nameOf(by)} broke the glass at ${target} (approval ${approvalId})`
      const sentence = `${broken}; its review by another person was due at ${instant(override.dueUs)}, and ${whatCame(override, facts.endUs)}.`
      return exception('AC5-09', approvalId, sentence, indices)
    })
  const { erased } = facts.overrides
  const reason = due.length === 0 ? 'no review of a break-glass was due in the period' : null
  const withheld =
    erased > 0 ? `${erased} events about break-glass were erased and cannot be looked into` : null
  return result('AC5-09', due.length, 'overrides', found, withheld ?? reason)
}

/** Those that the period is asked about, as far as the ledger reaches. */
export function overridesOf({ overrides, limits, endUs }: Au2Facts): readonly Override[] {
  return overrides.dueIn(limits.fromUs, endUs)
}

function isReviewedInTime({ reviews, dueUs }: Override): boolean {
  return reviews.some(({ isByAnother, us }) => isByAnother && us <= dueUs)
}

function whatCame({ reviews }: Override, endUs: number): string {
  const late = reviews.find(({ isByAnother }) => isByAnother)
  if (late !== undefined) return `came at ${instant(late.us)}`
  const [own] = reviews
  if (own === undefined) return `had not come by ${instant(endUs)}`
  return `only ${nameOf(own.by)} reviewed it, who is no other person`
}

export function nameOf(
  principal: { readonly display: string | null; readonly subject: string } | null,
) {
  return principal === null ? 'nobody named' : (principal.display ?? principal.subject)
}
