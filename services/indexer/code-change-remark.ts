import type { AuditEvent } from '../../schemas/event.ts'
import { decodeTargetCodeChange, targetCode } from '../../schemas/target-code.ts'
import type { CodeObjectChange } from '../../schemas/target-code.ts'

/** What the event says of the code of users at its target, in a sentence; null of other events. */
export function codeChangeRemark({ change }: AuditEvent): string | null {
  if (change?.what !== targetCode) return null
  const told = change.content && decodeTargetCodeChange(change.content)
  if (told == null) return 'the code at the target changed'
  const { objects, changes, more } = told
  if (change.previous === null) {
    return `the code at the target as first seen: ${objects} ${objects === 1 ? 'object' : 'objects'}`
  }
  const named = changes.map(inWords).join(', ')
  return `the code at the target changed: ${named}${more === 0 ? '' : ` and ${more} more`}`
}

function inWords({ kind, name, how }: CodeObjectChange): string {
  return `${kind} ${name} ${how.join(' and ')}`
}
