import { pino } from 'pino'

import type { EmbeddedPostgres } from '../../../../../services/all-in-one/demo/database/embedded-postgres.ts'
import type { CompiledPolicy } from '../../../../../services/edge/guard/policy.ts'
import { PolicyInForce } from '../../../../../services/edge/guard/policy-in-force.ts'
import { loadGrammar } from '../../../../../services/edge/postgres/facts/grammar.ts'
import { RulePolicy } from '../../../../../services/edge/postgres/facts/rule-policy.ts'
import { ScramPassword } from '../../../../../services/edge/postgres/protocol/scram.ts'
import { TargetRoutines } from '../../../../../services/edge/postgres/routines/target-routines.ts'
import type { TargetRoutinesOptions } from '../../../../../services/edge/postgres/routines/target-routines.ts'
import { systemClock } from '../../../../../services/runtime/clock.ts'
import { anActor } from '../edge-fixture.ts'
import { aPolicy } from '../../guard/policy-builders.ts'

export const grammar = await loadGrammar()

const everythingBut =
  "id: data, targets: ['*'], statements: [read, write, transaction, session, ddl], relations: { read: ['*'], write: ['*'] }, outcome: allow"

/** Allows whatever calls none but these functions. */
export function allowing(...functions: readonly string[]): CompiledPolicy {
  const named = functions.map((name) => `'${name}'`).join(', ')
  return aPolicy(functions.length === 0 ? everythingBut : `${everythingBut}, functions: [${named}]`)
}

export function routinesAt(
  target: Pick<EmbeddedPostgres, 'host' | 'port'> & Partial<EmbeddedPostgres>,
  options: {
    readonly refreshMs?: number
    readonly staleMs?: number
    readonly lookMs?: number
    readonly onLog?: (line: string) => void
    readonly onCode?: TargetRoutinesOptions['onCode']
  } = {},
): TargetRoutines {
  const {
    onLog = () => undefined,
    refreshMs = 3_600_000,
    staleMs = 3 * refreshMs,
    lookMs,
    onCode,
  } = options
  return new TargetRoutines({
    target: {
      name: 'r',
      address: target.host,
      port: target.port,
      tls: target.ca === undefined ? { mode: 'disable' } : { mode: 'verify-full', ca: target.ca },
    },
    login: {
      user: target.superuser ?? 'nobody',
      password: new ScramPassword(target.superuserPassword ?? 'none'),
      database: 'postgres',
      applicationName: 'routines',
      settings: new Map(),
    },
    grammar,
    logger: pino({ level: 'warn' }, { write: onLog }),
    refreshMs,
    staleMs,
    ...(lookMs === undefined ? {} : { lookMs }),
    ...(onCode === undefined ? {} : { onCode }),
    settleMs: 0,
  })
}

export function policyOf(routines: TargetRoutines, policy: CompiledPolicy): RulePolicy {
  return new RulePolicy({
    grammar,
    policies: new PolicyInForce(policy),
    clock: systemClock,
    routines: new Map([['r', routines]]),
  })
}

export function aSubject(searchPath: string | null = null) {
  return {
    actor: anActor,
    target: 'r',
    database: 'postgres',
    searchPath,
    purpose: null,
    dataLabels: [],
  }
}
