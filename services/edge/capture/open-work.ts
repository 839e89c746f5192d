import type { EventType } from '../../../schemas/event-types.ts'

/** What an event may begin or end. */
export interface WorkStep {
  readonly seq: number
  readonly type: EventType
  readonly sessionId: string
  readonly requestId: string | null
  /** The context of the session's events, encoded. */
  readonly context: Buffer
}

/** A session that began and has not ended, with its requests that were received and are not completed. */
export interface OpenSession {
  readonly context: Buffer
  readonly requests: Set<string>
}

/** Whether events of this type begin or end anything. */
export function isWorkStep(type: EventType): boolean {
  return (
    type === 'request.received' ||
    type === 'request.completed' ||
    type === 'session.started' ||
    type === 'session.ended'
  )
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

  /** Follows one event, in order of numbers. */
  note({ type, sessionId, requestId, context }: Omit<WorkStep, 'seq'>): void {
    if (type === 'request.received') {
      if (requestId !== null) this.#open(sessionId, context).requests.add(requestId)
    } else if (type === 'request.completed') {
      if (requestId !== null) this.#sessions.get(sessionId)?.requests.delete(requestId)
    } else if (type === 'session.started') {
      this.#open(sessionId, context)
    } else if (type === 'session.ended') {
      this.#sessions.delete(sessionId)
    }
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
