import type { Expected } from './expected-responses.ts'
import type { Outgoing } from './outgoing.ts'
import { frontend } from '../protocol/message-types.ts'
import type { SessionState } from '../session-state.ts'
import type { Statement } from '../statements/statements.ts'
import { progressWith } from '../holds/withheld-batch.ts'

/** The message goes out, and its reply is expected behind those of the messages before it. */
export function forward(
  state: SessionState,
  toTarget: Outgoing,
  entry: Expected,
  bytes: Buffer,
  start: number,
  end: number,
): void {
  state.progress = progressWith(state.progress, entry.kind)
  state.expected.push(entry)
  toTarget.add(bytes, start, end)
}

/** Takes no further message before the reply to this one, which the target is asked to send at once. */
export function awaitReply(state: SessionState, toTarget: Outgoing, entry: Expected): void {
  state.awaited = entry
  state.isWithheld = false
  toTarget.push(flushMessage)
}

/**
 * What a statement changes for those behind it. Names that it declares or drops in SQL stand for something else from here on; where it
 * runs code of users, all of them may. Values may be read otherwise. True where text may be, too.
 */
export function applyChanges(state: SessionState, statement: Statement): boolean {
  const { statements, portals, codeRan, batch } = state
  const { settles, runsCodeOfUsers, mask } = statement.verdict
  if (mask !== null) state.isMasked = true
  state.reading.afterwards(statement, state.batch)
  for (const { of, name: inSql } of statement.verdict.names) {
    // As it stands in a message: a character for each byte.
    const name = inSql === null ? null : Buffer.from(inSql).toString('latin1')
    if (of === 'statement') statements.forget(name)
    else portals.forget(name)
  }
  const runsDeferred = codeRan !== null && checksDeferred(statement)
  if (!settles && !runsCodeOfUsers && !runsDeferred) return false
  const takesNames = runsCodeOfUsers || (runsDeferred && codeRan.takesNames)
  state.codeRan = { batch, takesNames: takesNames || codeRan?.takesNames === true }
  if (takesNames) {
    statements.doubt()
    portals.doubt()
  }
  return settles || runsDeferred
}

/** Whether it has what was deferred in its transaction run. */
export function checksDeferred({ verdict }: Statement): boolean {
  return verdict.operation.split(',').some((kind) => deferredTo.has(kind))
}

const deferredTo: ReadonlySet<string> = new Set([
  'commit',
  'set_constraints',
  'prepare_transaction',
])

const flushMessage = Buffer.of(frontend.flush, 0, 0, 0, 4)
