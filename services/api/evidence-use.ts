import type { EvidencePart } from '../../schemas/event.ts'
import type { EventDraft } from '../edge/capture/recorder.ts'

type Subject = EvidencePart['subject']

/** Somebody looked at this evidence; `part`: at what of it, and how many results that has. */
export function viewed(
  subject: Subject,
  reference: string | null,
  part: { readonly query?: string; readonly results?: number } = {},
): EventDraft {
  const { query = null, results = null } = part
  return { type: 'evidence.viewed', evidence: { subject, reference, query, results } }
}

/** Somebody asked for evidence of this kind; null where it is not there yet. */
export function searched(subject: Subject, asked: object, results: number | null): EventDraft {
  const query = JSON.stringify(asked)
  return { type: 'evidence.searched', evidence: { subject, reference: null, query, results } }
}
