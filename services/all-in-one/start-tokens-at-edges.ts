import type { ControlPublisher } from '../api/control/control-publisher.ts'
import type { ControlState } from '../api/control/control-state.ts'
import { followTokensAtEdges } from '../api/control/tokens-at-edges.ts'
import type { Bus } from '../bus/bus.ts'
import { KeptOffsets } from '../bus/kept-offsets.ts'
import { MissedRecords } from '../bus/missed-records.ts'
import { systemClock } from '../runtime/clock.ts'
import { dataPaths } from '../runtime/config.ts'
import type { Config } from '../runtime/config.ts'
import type { Health } from '../runtime/health.ts'
import type { Lifecycle } from '../runtime/lifecycle.ts'
import type { Logger } from '../runtime/logger.ts'
import { groupOfStart } from './group-of-start.ts'

export interface TokensAtEdgesOptions {
  readonly config: Config
  readonly bus: Bus
  readonly control: ControlState
  readonly publisher: ControlPublisher
  readonly health: Health
  readonly lifecycle: Lifecycle
  readonly logger: Logger
}

/** Follows which tokens edges take as passwords, where one is good for one use. Gives what resolves when those of before are known. */
export async function startTokensAtEdges(
  options: TokensAtEdgesOptions,
): Promise<{ readonly caughtUp: Promise<void> }> {
  const { config, bus, control, publisher, health, lifecycle } = options
  if (!config.identity.tokens.isSingleUse) return { caughtUp: Promise.resolve() }
  const file = dataPaths(config.dataDirectory).tokensAtEdges
  const logger = options.logger.child({ part: 'tokens' })
  const offsets = lifecycle.add(await KeptOffsets.open(file, logger))
  const missed = new MissedRecords(
    logger,
    'a token of which they tell may be used once more until it expires',
  )
  const { caughtUp, done } = followTokensAtEdges({
    bus,
    group: groupOfStart(config.bus, 'api.tokens'),
    kept: { offsets, onMissed: (each) => missed.note(each) },
    control,
    publisher,
    clock: systemClock,
    signal: lifecycle.signal,
  })
  lifecycle.background('tokens at edges', done)
  health.add('tokens at edges', () => missed.health())
  return { caughtUp }
}
