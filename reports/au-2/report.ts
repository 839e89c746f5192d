import type { ManifestDetermination, PopulationTotals, SampleTotals } from '../../schemas/bundle.ts'
import { determine } from '../determination.ts'
import type { ObjectiveResult, RuleResult } from '../determination.ts'
import type { FrozenInputs } from '../frozen.ts'
import { Au2Facts } from './ledger-facts.ts'
import { durationSeconds, objectives, toolDefaults } from './objectives.ts'
import { accountOf } from './producer-facts.ts'
import type { SequenceAccount } from './producer-facts.ts'
import { evaluateRules } from './rules.ts'

export const template = 'au-2/3'
export const title = 'AU-2 Event Logging'

/** How the entries below the checkpoints divide. */
export interface Reconciliation {
  readonly entries: number
  readonly genesis: number
  readonly losses: number
  readonly quarantined: number
  readonly duplicates: number
  readonly outsidePeriod: number
  /** Rows that were written, from the payloads. */
  readonly projected: number
  /** The same from the envelopes alone. */
  readonly scanned: number
  /** The same from the producers' own numbers. */
  readonly numbered: number
}

export interface Au2Result {
  readonly frozen: FrozenInputs
  readonly facts: Au2Facts
  readonly accounts: readonly SequenceAccount[]
  readonly reconciliation: Reconciliation
  readonly incomplete: string | null
  readonly rules: ReadonlyMap<string, RuleResult>
  readonly objectives: readonly ObjectiveResult[]
}

/** What the document says beyond the result itself. */
export interface Au2Appendix {
  readonly population: PopulationTotals
  readonly sample: SampleTotals
  readonly files: readonly {
    readonly path: string
    readonly bytes: number
    readonly sha256: string
  }[]
  /** One line per log. */
  readonly consistency: readonly string[]
}

/** A parameter of the configuration, or the tool's default for what NIST leaves to nobody. */
function limitSeconds(parameters: Readonly<Record<string, string>>, name: string): number {
  const text = parameters[name] ?? toolDefaults[name] ?? ''
  return durationSeconds(text) ?? durationSeconds(toolDefaults[name] ?? '') ?? 0
}

export function newFacts(frozen: FrozenInputs): Au2Facts {
  return new Au2Facts({
    fromUs: frozen.fromMs * 1000,
    toUs: frozen.toMs * 1000,
    heartbeatUs: limitSeconds(frozen.parameters, 'heartbeat') * 1_000_000,
    toleranceUs: limitSeconds(frozen.parameters, 'clock-tolerance') * 1_000_000,
    longestSessionUs: limitSeconds(frozen.parameters, 'longest-session') * 1_000_000,
  })
}

export function conclude(
  frozen: FrozenInputs,
  facts: Au2Facts,
  counted: Omit<Reconciliation, 'numbered'>,
): Au2Result {
  const accounts = [...facts.producers.values()]
    .filter(({ inside }) => inside.length > 0)
    .map((producer) => accountOf(producer, facts.gaps))
    .sort((one, other) => (one.producer < other.producer ? -1 : 1))
  const numbered = accounts.reduce(
    (sum, { spanned, outside, knownMissing }) => sum + spanned - outside - knownMissing,
    0,
  )
  const reconciliation = { ...counted, numbered }
  const incomplete = mismatch(reconciliation)
  const rules = evaluateRules({ facts, accounts })
  const results = objectives.map((objective) =>
    determine(objective, {
      rules,
      parameters: frozen.parameters,
      populationRows: reconciliation.projected,
      incomplete,
    }),
  )
  return { frozen, facts, accounts, reconciliation, incomplete, rules, objectives: results }
}

export function determinationsOf(result: Au2Result): readonly ManifestDetermination[] {
  return result.objectives.map(({ objective, state, text }) => ({
    objective: objective.id,
    determination: state,
    summary: text,
  }))
}

function mismatch({ projected, scanned, numbered }: Reconciliation): string | null {
  if (projected === scanned && scanned === numbered) return null
  return `The population was counted in three ways with different results: ${projected} rows, ${scanned} envelopes, ${numbered} by the producers' numbers.`
}
