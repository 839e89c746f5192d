import { reportableTypes } from '../../../schemas/event-types.ts'
import type { EventContext } from '../../../schemas/event.ts'
import type { Recorder } from '../../edge/capture/recorder.ts'
import type { ControlPublisher } from './control-publisher.ts'

export interface PolicyPublicationOptions {
  /** The exact text of the file and its SHA-256 in hex. */
  readonly policy: { readonly text: string; readonly digest: string }
  /** The digest of the policy that the edges decide by. */
  readonly current: string
  readonly context: EventContext
  readonly recorder: Recorder
  readonly publisher: ControlPublisher
}

const waitMs = 30_000

/** Brings the policy into force at the edges, if another one is: recorded and on the bus first, then signed on `control.updates`. */
export async function publishPolicy(options: PolicyPublicationOptions): Promise<void> {
  const { policy, current, recorder } = options
  if (policy.digest === current) return
  const outcome = recorder.scope(options.context).record({
    type: 'policy.published',
    change: {
      what: 'policy',
      digest: Buffer.from(policy.digest, 'hex'),
      previous: Buffer.from(current, 'hex'),
      content: Buffer.from(policy.text),
      event_types: reportableTypes,
    },
  })
  if (!outcome.ok) throw new Error(`the policy cannot be published: ${outcome.reason}`)
  await recorder.published(AbortSignal.timeout(waitMs))
  await options.publisher.publish({ kind: 'policy', text: policy.text })
}
