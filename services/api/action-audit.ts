import type { FastifyRequest } from 'fastify'

import { ownContext } from '../../schemas/event.ts'
import type { Actor, EventContext } from '../../schemas/event.ts'
import type { EventDraft, Recorder } from '../edge/capture/recorder.ts'
import { Problem } from './problem.ts'

export type ActionSubject = Pick<
  EventContext,
  'session_id' | 'target' | 'purpose' | 'data_labels' | 'policy_digest'
>

const aboutNothing: ActionSubject = {
  session_id: null,
  target: null,
  purpose: null,
  data_labels: [],
  policy_digest: null,
}

/** Records what people do here: our own actions are evidence too, and none takes effect unrecorded. */
export class ActionAudit {
  readonly #recorder: Recorder
  readonly #tenant: string

  constructor(recorder: Recorder, tenant: string) {
    this.#recorder = recorder
    this.#tenant = tenant
  }

  /**
   * Resolves when the event is on disk; throws the problem `not-recorded` when it cannot be. `about`: the session and target of what
   * the action answers.
   */
  async record(
    request: FastifyRequest,
    actor: Actor | null,
    draft: EventDraft,
    about: ActionSubject = aboutNothing,
  ): Promise<void> {
    const context: EventContext = {
      ...about,
      actor: actor === null ? null : { ...actor, client: clientOf(request) },
      source: {
        address: request.socket.remoteAddress ?? 'unknown',
        port: request.socket.remotePort ?? 0,
        tls: null,
      },
      tenant: this.#tenant,
      synthetic: false,
    }
    await this.#recordIn(context, draft)
  }

  /** What happens by itself, by nobody. Resolves and throws as `record` does. */
  async recordOwn(draft: EventDraft, about: ActionSubject): Promise<void> {
    await this.#recordIn({ ...ownContext(this.#tenant), ...about }, draft)
  }

  /** Resolves when everything recorded is on the bus, as it must be before an edge learns of it. */
  async published(): Promise<void> {
    try {
      await this.#recorder.published(AbortSignal.timeout(10_000))
    } catch (cause) {
      throw new Problem('not-recorded', 'the bus does not take events now', { cause })
    }
  }

  async #recordIn(context: EventContext, draft: EventDraft): Promise<void> {
    const outcome = this.#recorder.scope(context).record(draft)
    if (!outcome.ok)
      throw new Problem('not-recorded', `the spool of the api says ${outcome.reason}`)
    try {
      await this.#recorder.durable()
    } catch (cause) {
      throw new Problem('not-recorded', 'the spool of the api cannot be written', { cause })
    }
  }
}

function clientOf(request: FastifyRequest): string | null {
  return request.headers['user-agent']?.slice(0, 200) ?? null
}
