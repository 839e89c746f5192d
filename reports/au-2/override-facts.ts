import type { Actor, AuditEvent, OverridePart, Principal } from '../../schemas/event.ts'

/** A break-glass: a hold that somebody behind the request overrode, which another person has to review. */
export interface Override {
  readonly approvalId: string
  readonly by: Principal
  readonly target: string
  /** Microseconds: until when it has to be reviewed. */
  readonly dueUs: number
  /** Where it is told, and what became of it: `log:position`. */
  readonly indices: readonly string[]
  /** In the order of their times. */
  readonly reviews: readonly OverrideReview[]
}

export interface OverrideReview {
  readonly by: Actor | null
  readonly us: number
  readonly verdict: OverridePart['verdict']
  /** By a person who is not behind the request, nor broke the glass. */
  readonly isByAnother: boolean
}

interface Told {
  by: Principal
  target: string
  dueUs: number
  readonly indices: string[]
  readonly reviews: Omit<OverrideReview, 'isByAnother'>[]
}

const types = ['approval.overridden', 'override.reviewed', 'override.overdue']

/** The overrides that events tell of, in whatever order they come. */
export class OverrideFacts {
  readonly #told = new Map<string, Told>()
  /** Who asked, and for whom, by approval. */
  readonly #requesters = new Map<string, readonly Principal[]>()
  /** Events about overrides whose payloads were erased. */
  erased = 0

  erase(type: string): void {
    if (types.includes(type)) this.erased += 1
  }

  take(event: AuditEvent, at: string): void {
    const { type, approval, actor } = event
    if (approval === null) return
    const { approval_id: id, override } = approval
    if (type === 'approval.requested' && actor !== null) {
      this.#requesters.set(id, [actor, ...actor.on_behalf_of])
    }
    if (!types.includes(type) || override === null) return
    // One that does not say when is due at once.
    const dueUs = override.due_at ?? event.occurred_at
    const told = this.#told.get(id) ?? {
      by: override.by,
      target: event.target?.name ?? '',
      dueUs,
      indices: [],
      reviews: [],
    }
    this.#told.set(id, told)
    told.indices.push(at)
    // What was said when the glass was broken counts, whatever is said later.
    if (type === 'approval.overridden') told.dueUs = dueUs
    if (type !== 'override.reviewed') return
    told.reviews.push({ by: actor, us: event.occurred_at, verdict: override.verdict })
  }

  /** Those whose review was due in [from, to), the earliest first. */
  dueIn(fromUs: number, toUs: number): readonly Override[] {
    return [...this.#told]
      .filter(([, { dueUs }]) => dueUs >= fromUs && dueUs < toUs)
      .map(([approvalId, told]) => ({
        ...told,
        approvalId,
        reviews: told.reviews
          .map((review) => ({ ...review, isByAnother: this.#isAnother(approvalId, told, review) }))
          .sort((one, other) => one.us - other.us),
      }))
      .sort((one, other) => one.dueUs - other.dueUs || (one.approvalId < other.approvalId ? -1 : 1))
  }

  #isAnother(approvalId: string, { by }: Told, review: Pick<OverrideReview, 'by'>): boolean {
    const reviewer = review.by
    const behind = [by, ...(this.#requesters.get(approvalId) ?? [])]
    return (
      reviewer?.kind === 'human' &&
      reviewer.on_behalf_of.length === 0 &&
      !behind.some(
        ({ subject, issuer }) => subject === reviewer.subject && issuer === reviewer.issuer,
      )
    )
  }
}
