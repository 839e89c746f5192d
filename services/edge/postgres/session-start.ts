import type { Socket } from 'node:net'

import type { SessionPart } from '../../../schemas/event.ts'
import type { Admission } from '../guard/credentials.ts'
import type { EdgeParts } from './edge-parts.ts'
import type { SessionLog } from './events.ts'
import { HoldGate } from './holds/hold-gate.ts'
import { encodeBackend } from './protocol/backend.ts'
import { ReadingSettings } from './holds/reading-settings.ts'
import { Session } from './session.ts'
import { SessionState } from './session-state.ts'
import { sha256, StatementCache, unparseable } from './statements/statements.ts'
import type { Statement } from './statements/statements.ts'
import { cancelAtTarget } from './target/target-connection.ts'
import type { TargetConnection } from './target/target-connection.ts'

/** A client that is signed in and a target that let us in. */
export interface SessionStart {
  readonly sessionId: string
  readonly log: SessionLog
  readonly client: Socket
  /** What the client sent before it was told that it may. */
  readonly early: Buffer
  /** Of the client's protocol version. */
  readonly minor: number
  readonly searchPath: string | null
  readonly admission: Admission
  readonly session: SessionPart
  readonly connection: TargetConnection
  readonly onEnded: () => void
}

/** Tells the client that it is signed in, under a cancel key of ours, and lets the session run. */
export function runSession(parts: EdgeParts, start: SessionStart): Session {
  const { target, policy, recorder, clock, logger, limits, cancelKeys } = parts
  const { log, client, admission, session, connection } = start
  const subject = {
    actor: admission.actor,
    target: target.name,
    database: session.database ?? target.database,
    role: target.user,
    searchPath: start.searchPath,
    purpose: admission.purpose,
    dataLabels: target.dataLabels,
  }
  const reading = new ReadingSettings(connection.statuses)
  const state = new SessionState({
    cache: new StatementCache(policy, subject, limits.verdictCacheBytes),
    log,
    limits,
    onAuditFailure: target.onAuditFailure,
    session,
    reading,
    holds:
      parts.held === null
        ? null
        : new HoldGate({
            held: parts.held,
            waiting: parts.waiting,
            clock,
            edge: recorder.producer,
            subject,
            log,
            limits,
            reading,
          }),
  })
  const key = cancelKeys.issue(start.minor, () => cancelForClient(parts, start, running))
  const running: Session = new Session({
    client,
    target: connection.socket,
    state,
    policy,
    recorder,
    durability: target.durability,
    clock,
    logger: logger.child({ session: start.sessionId }),
    expiresAtMs: admission.expiresAtMs,
    means: admission.means,
    cancel: () => {
      passOn(parts, connection).catch((error: unknown) => {
        logger.warn({ err: error, target: target.name }, 'what a session ran was not cancelled')
      })
    },
    onEnded: () => {
      cancelKeys.withdraw(key.processId)
      start.onEnded()
    },
  })
  recorder.writeOut()
  client.write(
    Buffer.concat([
      encodeBackend({ type: 'authentication', authentication: { method: 'ok' } }),
      connection.statuses,
      encodeBackend({ type: 'backend-key-data', ...key }),
      encodeBackend({ type: 'ready-for-query', status: 'I' }),
    ]),
  )
  running.start(start.early, connection.rest)
  return running
}

/** A request of the client to cancel what it runs: recorded, then passed on by a connection of its own, unless what it runs still waits. */
async function cancelForClient(
  parts: EdgeParts,
  { log, connection }: SessionStart,
  running: Session,
): Promise<void> {
  const { target, recorder, logger } = parts
  const id = log.nextRequestId()
  const request = log.received(
    id,
    { mode: 'simple', step: 'cancel', statement: noStatement, whole: null, parameters: [] },
    { decision_id: id, outcome: 'allow', rule_ids: ['builtin/cancel'], reason: null },
  )
  if (request === null && target.onAuditFailure === 'refuse') return
  try {
    if (target.durability === 'strict') await recorder.durable()
    else recorder.writeOut()
    if (!running.cancelWait()) await passOn(parts, connection)
  } catch (error) {
    logger.warn({ err: error, target: target.name }, 'a cancel request was not passed on')
    request?.fail('08006', 'the target cannot be reached')
  }
  if (request !== null) log.completed(request, request.outcome())
}

function passOn({ target }: EdgeParts, { processId, key }: TargetConnection): Promise<void> {
  return cancelAtTarget(target, processId, key, AbortSignal.timeout(cancelMs))
}

const noStatement: Statement = {
  text: Buffer.alloc(0),
  sha256: sha256(Buffer.alloc(0)),
  verdict: { ...unparseable('a cancel request'), refusal: null },
}

const cancelMs = 10_000
