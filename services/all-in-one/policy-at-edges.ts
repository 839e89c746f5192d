import { v7 as uuidv7 } from 'uuid'

import { HeldRequests } from '../edge/guard/approvals/held-requests.ts'
import { IssuedCredentials } from '../edge/guard/issued-credentials.ts'
import { ControlUpdates } from '../edge/guard/control-updates.ts'
import { PolicyInForce } from '../edge/guard/policy-in-force.ts'
import type { CompiledPolicy } from '../edge/guard/policy.ts'
import type { Bus } from '../bus/bus.ts'
import { parseVkey } from '../ledger/proof/note.ts'
import { systemClock } from '../runtime/clock.ts'
import type { Logger } from '../runtime/logger.ts'
import { nothingAllowed } from './edges.ts'

/** The policy that edges elsewhere decide by: what they read on `control.updates`, read as they do. */
export async function policyAtEdges(
  bus: Bus,
  group: string,
  apiVkey: string,
  logger: Logger,
): Promise<CompiledPolicy> {
  const policies = new PolicyInForce(nothingAllowed)
  const updates = new ControlUpdates({
    bus,
    group,
    verifyKey: parseVkey(apiVkey).key,
    credentials: new IssuedCredentials({ clock: systemClock }),
    policies,
    held: new HeldRequests({ edge: 'none', clock: systemClock, newId: () => uuidv7() }),
    logger: logger.child({ part: 'control' }),
  })
  const stop = new AbortController()
  const reading = updates.run(stop.signal)
  await Promise.race([updates.caughtUp, reading])
  stop.abort()
  await reading
  return policies.current
}
