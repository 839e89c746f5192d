export interface BulkReply {
  readonly statusCode: number
  /** What the client made of the body: an object for JSON, else text. */
  readonly body: unknown
}

/** What became of one operation, for good. */
export type BulkOutcome =
  /** The version is null unless it was asked for. */
  | { readonly kind: 'done'; readonly version: DocumentVersion | null }
  /** Created by somebody before, or changed since it was read. */
  | { readonly kind: 'conflict' }
  | { readonly kind: 'refused'; readonly error: Refusal }

/** Why a document is refused. The reason may show parts of the document: it belongs in no process log. */
export interface Refusal {
  readonly status: number
  readonly type: string
  readonly reason: string
}

export interface DocumentVersion {
  readonly seqNo: number
  readonly primaryTerm: number
}

export type Verdict =
  | {
      readonly kind: 'items'
      readonly items: readonly (BulkOutcome | 'again')[]
      readonly isOverloaded: boolean
    }
  | { readonly kind: 'again'; readonly reason: string }
  /** The request was refused as a whole: something in it is. */
  | { readonly kind: 'poisoned'; readonly error: Refusal }
  | { readonly kind: 'denied'; readonly reason: string }

/** What an answer to `operations` operations says, trusting nothing about it: proxies answer too. */
export function readReply(reply: BulkReply | Error, operations: number): Verdict {
  if (reply instanceof Error) return { kind: 'again', reason: reply.message }
  const { statusCode, body } = reply
  switch (statusCode) {
    case 200: {
      const items = isRecord(body) ? body['items'] : undefined
      if (!Array.isArray(items) || items.length !== operations) {
        return { kind: 'again', reason: 'the answer does not speak of each operation' }
      }
      return readItems(items)
    }
    case 400:
    case 413:
      return { kind: 'poisoned', error: refusalOf(statusCode, body) }
    case 401:
    case 403:
      return {
        kind: 'denied',
        reason: `OpenSearch denies writing (${statusCode} ${reasonOf(body)}): check the user's name, password and role`,
      }
    default:
      return { kind: 'again', reason: `${statusCode} ${reasonOf(body)}` }
  }
}

function readItems(items: readonly unknown[]): Verdict {
  let isOverloaded = false
  const outcomes: (BulkOutcome | 'again')[] = []
  for (const item of items) {
    const result = isRecord(item) ? Object.values(item)[0] : undefined
    if (!isRecord(result) || typeof result['status'] !== 'number') {
      return { kind: 'again', reason: 'the answer does not speak of each operation' }
    }
    const { status, error } = result as { status: number; error?: unknown }
    if (isDenied(status, error)) {
      return {
        kind: 'denied',
        reason: `OpenSearch denies writing (${status} ${reasonOf(result)}): check the user's role and the index's blocks`,
      }
    }
    if (status === 429) isOverloaded = true
    outcomes.push(outcomeOf(status, result))
  }
  return { kind: 'items', items: outcomes, isOverloaded }
}

function outcomeOf(status: number, result: Record<string, unknown>): BulkOutcome | 'again' {
  // A deletion of what is not there is a deletion.
  const isGone = status === 404 && result['error'] === undefined
  if ((status >= 200 && status < 300) || isGone) {
    const { _seq_no: seqNo, _primary_term: primaryTerm } = result
    const isTold = typeof seqNo === 'number' && typeof primaryTerm === 'number'
    return isTold ? { kind: 'done', version: { seqNo, primaryTerm } } : done
  }
  if (status === 409) return { kind: 'conflict' }
  if (status >= 400 && status < 500 && status !== 429) {
    return { kind: 'refused', error: refusalOf(status, result) }
  }
  return 'again'
}

const done: BulkOutcome = { kind: 'done', version: null }

/** Not the document's fault: were it put aside as a dead letter, so would every other. */
function isDenied(status: number, error: unknown): boolean {
  if (status === 401 || status === 403) return true
  return status === 404 && isRecord(error) && error['type'] === 'index_not_found_exception'
}

function refusalOf(status: number, body: unknown): Refusal {
  const error = isRecord(body) && isRecord(body['error']) ? body['error'] : {}
  const type = typeof error['type'] === 'string' ? error['type'] : 'unknown'
  return { status, type, reason: reasonOf(body) }
}

function reasonOf(body: unknown): string {
  const error = isRecord(body) ? body['error'] : undefined
  if (typeof error === 'string') return error
  if (!isRecord(error)) return 'without a reason'
  const cause = isRecord(error['caused_by']) ? error['caused_by'] : null
  const parts = [error['type'], error['reason'], cause?.['reason']]
  return parts.filter((part) => typeof part === 'string').join(': ')
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
