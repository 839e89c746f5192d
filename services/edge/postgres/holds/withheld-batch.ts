import type { ExpectedKind } from '../relay/expected-responses.ts'
import { approvalsOf } from './hold-gate.ts'
import { frontend } from '../protocol/message-types.ts'
import type { BatchProgress, SessionState } from '../session-state.ts'
import type { Statement } from '../statements/statements.ts'

/**
 * A request waits for its approval only where the target is idle and stays so: nothing before it is unanswered, no transaction is open,
 * and what was parsed and bound for it was not sent either, since the target would keep its locks and its snapshot meanwhile. So from
 * the first message of a batch that may have to wait, everything is withheld until it is known. Nobody can tell: without Flush or Sync
 * the target need not answer.
 *
 * Called for each statement that comes. False: not now, `state.awaited` comes first; also before what is held, since an approval is not
 * used up by what the target does not run, nor asked for, and what is refused is to be told whether it undoes what ran by another.
 */
export function withholdIfItMayWait(state: SessionState, statement: Statement): boolean {
  const isHeld = approvalsOf(statement).length > 0
  if (isHeld && awaitsEnd(state)) return false
  if (state.isWithheld || state.progress !== 'none' || waitMsOf(statement) === 0) return true
  if (state.expected.last !== null) return !awaitsEnd(state)
  state.isWithheld = state.transactionStatus === 'I' && state.copyIn === null
  return true
}

/** Has the last reply that is expected awaited, if it is that to a Sync or a query. False where it may not come by itself. */
function awaitsEnd(state: SessionState): boolean {
  const { last } = state.expected
  const isEnd = last?.kind === 'query' || last?.kind === 'sync' || last?.kind === 'function-call'
  // A COPY gets its answer only when the client has sent what lies behind this message.
  if (!isEnd || last.request?.statement?.verdict.operation.includes('copy') === true) return false
  state.awaited = last
  return true
}

/**
 * Whether a Sync of the edge has to come before this statement is bound or run, so that it may wait: the client has it prepared without
 * a Sync, as asyncpg does (Parse, Describe, Flush), and the target keeps the locks of that for as long as the batch lasts.
 */
export function needsSyncFirst(
  { isWithheld, progress }: SessionState,
  statement: Statement,
): boolean {
  return !isWithheld && progress === 'prepared' && waitMsOf(statement) > 0
}

/** How far the batch has come with a message of this kind. */
export function progressWith(before: BatchProgress, kind: ExpectedKind): BatchProgress {
  switch (kind) {
    case 'query':
    case 'function-call':
      // What stands before it in a pipeline is of one transaction until Sync.
      return before === 'begun' ? 'begun' : 'none'
    case 'sync':
      return 'none'
    case 'parse':
    case 'describe-statement':
    case 'close':
      return before === 'begun' ? 'begun' : 'prepared'
    case 'bind':
    case 'describe-portal':
    case 'execute':
    case 'copy-end':
      return 'begun'
  }
}

/** A message of this type is not kept back, nor what came before it: the client may wait for its reply. */
export function endsWithholding(type: number): boolean {
  return !withheldTypes.has(type)
}

/** Up to one Parse and one Bind of the longest, and the few messages that lie between them and their Execute. */
export function mayWithholdMore({ expected, limits }: SessionState, bytes: number): boolean {
  return expected.length <= mostWithheld && bytes <= limits.maxStatementBytes + limits.maxBindBytes
}

/** Why a request cannot wait where it stands, for the person who asked; null when it can. */
export function whyItCannotWait(state: SessionState): string | null {
  if (state.isWithheld) return null
  return state.transactionStatus === 'I'
    ? 'the target has begun what comes before it in its batch or pipeline, be it only its own Bind that was flushed, and would keep its locks meanwhile; in a batch of its own, bound and run without Flush between, it waits'
    : 'a transaction is open, which would keep its locks meanwhile; run it outside one, and it waits'
}

/** How long policy lets the client be kept waiting. Of several rules that hold it each has to; zero: not at all. */
export function waitMsOf(statement: Statement): number {
  const waits = approvalsOf(statement)
  return waits.length === 0 ? 0 : Math.min(...waits.map(({ waitMs }) => waitMs))
}

const withheldTypes: ReadonlySet<number> = new Set([
  frontend.parse,
  frontend.bind,
  frontend.describe,
  frontend.close,
  frontend.execute,
])
const mostWithheld = 16
