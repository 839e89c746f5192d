import type { Bus } from '../bus/bus.ts'
import type { Recorder } from '../edge/capture/recorder.ts'
import { webhookSecretOf } from '../forwarder/mapping/standard-webhook.ts'
import { Webhook } from '../forwarder/sinks/webhook.ts'
import { tellApprovals } from '../forwarder/tell-approvals.ts'
import { systemClock } from '../runtime/clock.ts'
import type { Config } from '../runtime/config.ts'
import type { Health } from '../runtime/health.ts'
import type { Lifecycle } from '../runtime/lifecycle.ts'
import type { Logger } from '../runtime/logger.ts'
import { readPassword } from './secrets.ts'

export interface WebhooksOptions {
  readonly config: Config
  readonly bus: Bus
  readonly recorder: Recorder
  readonly health: Health
  readonly lifecycle: Lifecycle
  readonly logger: Logger
}

/** Begins to tell each webhook of the configuration. Throws a sentence when a secret is not one. */
export async function startWebhooks(options: WebhooksOptions): Promise<void> {
  const { config, bus, recorder, health, lifecycle, logger } = options
  for (const { name, url, secretFile } of config.webhooks) {
    const secret = webhookSecretOf(await readPassword(secretFile))
    if (secret === null) {
      throw new Error(
        `the secret in ${secretFile} is not one for a webhook: expected whsec_ and base64 of 24 to 64 bytes`,
      )
    }
    const teller = lifecycle.add(
      tellApprovals({
        bus,
        webhook: new Webhook({ name, url, secret, clock: systemClock }),
        tenant: config.tenant,
        consoleUrl: config.api.publicUrl,
        recorder,
        clock: systemClock,
        logger: logger.child({ part: 'webhook' }),
        signal: lifecycle.signal,
      }),
    )
    lifecycle.background(`webhook ${name}`, teller.done)
    health.add(`webhook ${name}`, () => teller.health())
  }
}
