import type { LockoutSubject } from '../../../schemas/control.ts'
import { encodeError } from './protocol/backend.ts'
import { encodeFrontend } from './protocol/frontend.ts'

/** A statement, bind or call that is answered by the edge instead of the target. */
export interface Refusal {
  readonly sqlState: string
  readonly message: string
  readonly detail: string | null
  readonly hint: string
  readonly position: number | null
}

export const sqlState = {
  aborted: '25P02',
  blocked: '42501',
  syntax: '42601',
  notRecorded: '58030',
  tooMuch: '54000',
  cancelled: '57014',
  statementUnknown: '26000',
  portalUnknown: '34000',
} as const

/** What somebody reads whom an operator has locked out. Why is for those who may read the evidence. */
export const lockoutMessages: Readonly<Record<LockoutSubject, string>> = {
  session: 'an operator has ended this session',
  actor: 'an operator has locked you out, or somebody you act for; ask your security team',
  target: 'an operator has closed this target to everybody',
}

export function refusalOf(
  code: string,
  message: string,
  decisionId: string,
  { position = null, detail = null }: Partial<Pick<Refusal, 'position' | 'detail'>> = {},
): Refusal {
  const hint = `affidavit decision ${decisionId}: who may search the evidence finds it by this id`
  return { sqlState: code, message, detail, hint, position }
}

/** What the client gets. A plain syntax error looks as PostgreSQL's own does, so it carries no hint. */
export function encodeRefusal(refusal: Refusal): Buffer {
  const isSyntax = refusal.sqlState === sqlState.syntax
  return encodeError({
    severity: 'ERROR',
    sqlState: refusal.sqlState,
    message: refusal.message,
    ...(refusal.detail === null ? {} : { detail: refusal.detail }),
    ...(isSyntax ? {} : { hint: refusal.hint }),
    ...(refusal.position === null ? {} : { position: refusal.position }),
  })
}

/**
 * What the target gets in place of a refused message: text that always fails, whatever the state of the transaction. So the
 * target aborts its transaction, skips to Sync and reports its status exactly as it would have for a statement of the client
 * that failed, in order behind everything that is in flight. Its ErrorResponse is replaced by ours.
 */
export function failingQuery(decisionId: string): Buffer {
  return encodeFrontend({ type: 'query', text: failingText(decisionId) })
}

export function failingParse(decisionId: string): Buffer {
  return encodeFrontend({
    type: 'parse',
    statement: 'affidavit_refused',
    text: failingText(decisionId),
    parameterTypes: [],
  })
}

// Seen in the target's log beside its syntax error, so it names the decision and nothing of the client's.
function failingText(decisionId: string): Buffer {
  return Buffer.from(`affidavit refused a statement /* decision ${decisionId} */`)
}
