import type { Grammar } from '../edge/postgres/facts/grammar.ts'
import { TargetRoutines } from '../edge/postgres/routines/target-routines.ts'
import type { PostgresTarget } from '../edge/postgres/target.ts'
import type { Lifecycle } from '../runtime/lifecycle.ts'
import type { Logger } from '../runtime/logger.ts'

export interface RoutinesOptions {
  readonly target: PostgresTarget
  readonly grammar: Grammar
  readonly lifecycle: Lifecycle
  readonly logger: Logger
}

/** Knows the code of users at one target, at once where it can be read, and keeps knowing it. */
export async function startRoutines(options: RoutinesOptions): Promise<TargetRoutines> {
  const { target, grammar, lifecycle, logger } = options
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
    logger: logger.child({ part: 'routines' }),
  })
  const first = AbortSignal.any([lifecycle.signal, AbortSignal.timeout(firstMs)])
  // Where it cannot be read yet, `run` says so and goes on trying.
  await routines.refresh(first).catch(() => undefined)
  lifecycle.background(`routines of ${target.name}`, routines.run(lifecycle.signal))
  return routines
}

/** How long the start waits for a target, so that its first sessions are not refused for what is not known yet. */
const firstMs = 3_000
