import { ownContext } from '../../schemas/event.ts'
import type { Recorder } from '../edge/capture/recorder.ts'
import type { Grammar } from '../edge/postgres/facts/grammar.ts'
import { CodeChanges } from '../edge/postgres/routines/code-changes.ts'
import { TargetRoutines } from '../edge/postgres/routines/target-routines.ts'
import { eventTarget } from '../edge/postgres/target/target.ts'
import type { PostgresTarget } from '../edge/postgres/target/target.ts'
import { dataPaths } from '../runtime/config.ts'
import type { EdgeConfig } from '../runtime/config.ts'
import type { Lifecycle } from '../runtime/lifecycle.ts'
import type { Logger } from '../runtime/logger.ts'
import { toldCodeIn } from './told-code.ts'

export interface RoutinesOptions {
  readonly config: EdgeConfig
  readonly target: PostgresTarget
  readonly grammar: Grammar
  readonly recorder: Recorder
  readonly lifecycle: Lifecycle
  readonly logger: Logger
}

/** Knows the code of users at one target, at once where it can be read, keeps knowing it and records when it changes. */
export async function startRoutines(options: RoutinesOptions): Promise<TargetRoutines> {
  const { config, target, grammar, recorder, lifecycle } = options
  const logger = options.logger.child({ part: 'routines' })
  const changes = lifecycle.add(
    await CodeChanges.open({
      recorder,
      context: { ...ownContext(config.tenant), target: eventTarget(target) },
      told: toldCodeIn(dataPaths(config.dataDirectory).toldCode(target.name)),
      logger,
    }),
  )
  const routines = new TargetRoutines({
    target,
    login: {
      user: target.user,
      password: target.password,
      database: target.database,
      applicationName: 'affidavit routines',
      settings: new Map(),
    },
    grammar,
    logger,
    onCode: (code) => changes.seen(code),
  })
  const first = AbortSignal.any([lifecycle.signal, AbortSignal.timeout(firstMs)])
  // Where it cannot be read yet, `run` says so and goes on trying.
  await routines.refresh(first).catch(() => undefined)
  lifecycle.background(`routines of ${target.name}`, routines.run(lifecycle.signal))
  return routines
}

/** How long the start waits for a target, so that its first sessions are not refused for what is not known yet. */
const firstMs = 3_000
