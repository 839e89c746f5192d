import { encodeContext } from '../../../schemas/codec.ts'
import type { AuditEvent, EventType } from '../../../schemas/event.ts'

/** A session that began and has not ended, with its requests that were received and are not completed. */
export interface OpenSession {
  /** The context of the session's events, encoded. */
  readonly context: Buffer
  readonly requests: Set<string>
}

/**
 * What has begun and not ended, so that after a crash each request gets its one `request.completed` with outcome `unknown`, and each
 * session its end.
 */
export class OpenWork {
  readonly #sessions = new Map<string, OpenSession>()

  get sessions(): ReadonlyMap<string, OpenSession> {
    return this.#sessions
  }

  /** Follows an event as it is recorded. */
  note(type: EventType, sessionId: string | null, requestId: string | null, context: Buffer): void {
    if (sessionId === null) return
    if (type === 'request.received' && requestId !== null) {
      this.#open(sessionId, context).requests.add(requestId)
    } else if (type === 'request.completed' && requestId !== null) {
      this.#sessions.get(sessionId)?.requests.delete(requestId)
    } else if (type === 'session.started') {
      this.#open(sessionId, context)
    } else if (type === 'session.ended') {
      this.#sessions.delete(sessionId)
    }
  }

  /** Follows an event as it is found in the spool again. */
  noteFound(event: AuditEvent): void {
    this.note(event.type, event.session_id, event.request_id, encodeContext(event))
  }

  toJson(): unknown {
    return [...this.#sessions].map(([id, { context, requests }]) => ({
      id,
      context: context.toString('base64'),
      requests: [...requests],
    }))
  }

  addJson(json: unknown): void {
    for (const { id, context, requests } of json as {
      id: string
      context: string
      requests: string[]
    }[]) {
      this.#sessions.set(id, {
        context: Buffer.from(context, 'base64'),
        requests: new Set(requests),
      })
    }
  }

  #open(sessionId: string, context: Buffer): OpenSession {
    const known = this.#sessions.get(sessionId)
    if (known !== undefined) return known
    const session = { context, requests: new Set<string>() }
    this.#sessions.set(sessionId, session)
    return session
  }
}
