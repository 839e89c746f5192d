import type { OverrideUpdate } from '../../../../schemas/control.ts'
import type { Person } from './approval-state.ts'

/** So many overrides of one person may wait for their review at a time. */
export const mostUnreviewed = 3

/** Why somebody may not override a hold now, whatever the rules that hold it say. */
export type OverrideBar = 'review_overdue' | 'too_many_unreviewed'

const mostKept = 10_000

/**
 * The overrides that were told on `control.updates`: which wait for their review, and which wait for too long. One that is not reviewed
 * is never forgotten, and one that is reviewed stays so.
 */
export class Overrides {
  readonly #byId = new Map<string, OverrideUpdate>()

  /** The newest first; of those that are reviewed, for as long as they are kept. */
  get all(): readonly OverrideUpdate[] {
    return [...this.#byId.values()].toSorted(
      (one, other) => other.overridden_at - one.overridden_at,
    )
  }

  /** Those that wait for their review. */
  get unreviewed(): readonly OverrideUpdate[] {
    return this.all.filter(({ review }) => review === null)
  }

  find(approvalId: string): OverrideUpdate | null {
    return this.#byId.get(approvalId) ?? null
  }

  /** The caller has checked the signature. */
  apply(update: OverrideUpdate): 'applied' | 'superseded' {
    const known = this.#byId.get(update.approval_id)
    const isOld = update.version <= (known?.version ?? -1)
    if (isOld || (known?.review != null && update.review === null)) return 'superseded'
    if (known === undefined) this.#makeRoom()
    this.#byId.set(update.approval_id, update)
    return 'applied'
  }

  /** That one is reviewed is known long enough; nothing else is forgotten. */
  forget(approvalId: string): void {
    if (this.find(approvalId)?.review != null) this.#byId.delete(approvalId)
  }

  /** Of whoever acts and everybody it acts for, the override whose review is due for the longest time; null where none is. */
  overdueOf(
    actor: Person & { readonly on_behalf_of: readonly Person[] },
    nowMs: number,
  ): OverrideUpdate | null {
    const subjects = new Set([actor, ...actor.on_behalf_of].map(({ subject }) => subject))
    const found = this.overdue(nowMs).filter(({ by }) => subjects.has(by.subject))
    return found.toSorted((one, other) => one.due_at - other.due_at)[0] ?? null
  }

  overdue(nowMs: number): readonly OverrideUpdate[] {
    return this.unreviewed.filter((each) => isOverdue(each, nowMs))
  }

  /** `approvalId` is what is to be overridden: it does not stand in its own way. */
  barTo(person: Person, approvalId: string, nowMs: number): OverrideBar | null {
    const others = this.unreviewed.filter(
      (each) => each.by.subject === person.subject && each.approval_id !== approvalId,
    )
    if (others.some((each) => isOverdue(each, nowMs))) return 'review_overdue'
    return others.length >= mostUnreviewed ? 'too_many_unreviewed' : null
  }

  #makeRoom(): void {
    if (this.#byId.size < mostKept) return
    for (const [id, { review }] of this.#byId) if (review !== null) this.#byId.delete(id)
  }
}

/** For whom it keeps out: who has to do what. */
export function overdueSentence(override: OverrideUpdate): string {
  const { approval_id: id, by, target, due_at: dueMs, reviewer_roles: roles } = override
  return `${by.display ?? by.subject} broke the glass at ${target} (approval ${id}), and that should have been reviewed by ${new Date(dueMs).toISOString()}; somebody else with the role ${roles.join(' or ')} has to review it, in the console under Approvals or with: affidavit approvals review ${id}`
}

export function isOverdue(
  { due_at: dueMs, review }: Pick<OverrideUpdate, 'due_at' | 'review'>,
  nowMs: number,
): boolean {
  return review === null && nowMs >= dueMs
}
