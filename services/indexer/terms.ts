import type { IndexDocument } from './documents.ts'
import type { Actor, Principal } from '../../schemas/event.ts'

/** How names are compared, in documents and in questions alike: without case and compatibility forms. */
export function foldName(name: string): string {
  return name.normalize('NFKC').toLowerCase()
}

/** Who acts or is acted for, by every name they have. */
export function actorNames({ actor }: Pick<IndexDocument, 'actor'>): readonly string[] {
  return actor === null ? [] : [actor, ...actor.on_behalf_of].flatMap(namesOf)
}

/** Who gave the answer that the event is, or that it uses, by every name they have. */
export function approverNames({ approval }: IndexDocument): readonly string[] {
  return (approval?.approvers ?? []).flatMap(namesOf)
}

function namesOf({ subject, display }: Principal): readonly string[] {
  return display === null ? [subject] : [subject, display]
}

/** `public.salaries` is found as such and as `salaries`; `shop.public.salaries` as `public.salaries` as well. */
export function relationNames(document: IndexDocument): readonly string[] {
  if (document.request === null) return []
  const names = new Set<string>()
  for (const relation of [...document.request.reads, ...document.request.writes]) {
    names.add(relation)
    for (let dot = relation.indexOf('.'); dot >= 0; dot = relation.indexOf('.', dot + 1)) {
      if (dot + 1 < relation.length) names.add(relation.slice(dot + 1))
    }
  }
  return [...names]
}

/** The event's type, and for a statement its operation: the whole and, where several are joined, each. */
export function kinds(document: IndexDocument): readonly string[] {
  const operation = document.request?.operation
  if (operation === undefined) return [document.type]
  if (!operation.includes(',')) return [document.type, operation]
  return [...new Set([document.type, operation, ...operation.split(',').map((one) => one.trim())])]
}

/** What a reader is shown of a principal. */
export function labelOf(principal: Principal): string {
  return principal.display ?? principal.subject
}

/** Who acts and for whom, whole: what counts of activity are kept by. Empty where nobody acts. */
export function actorIdentity(actor: Actor | null): string {
  if (actor === null) return ''
  return JSON.stringify(
    [actor, ...actor.on_behalf_of].map(({ kind, subject, issuer, display }) => [
      kind,
      subject,
      issuer,
      display,
    ]),
  )
}

const hourUs = 3_600_000_000

/** The hour that a time in microseconds falls into, as milliseconds since 1970. */
export function hourOf(us: number): number {
  return Math.floor(us / hourUs) * 3_600_000
}
