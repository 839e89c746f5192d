/** What a rule of a report says against the evidence. */
export interface ReportException {
  /** Stable from report to report: v5 of rule, subject and first index. */
  readonly id: string
  readonly rule: string
  readonly severity: 'high' | 'medium' | 'low'
  readonly subject: string
  readonly sentence: string
  /** Events that show it, and where the first of them stand: `log:position`. */
  readonly count: number
  readonly indices: readonly string[]
}

export interface RuleResult {
  readonly rule: string
  /** How many things the rule looked at: an answer without a denominator is none. */
  readonly checked: number
  readonly unit: string
  readonly exceptions: readonly ReportException[]
  /** Why the rule could not be evaluated; null when it was. */
  readonly notEvaluated: string | null
}

/**
 * Of one objective. `partial-no-exceptions`: events show a part of the objective only, and that part is without exception; it can
 * never become satisfied. There is no verdict about a whole control.
 */
export type DeterminationState =
  'no-exceptions' | 'partial-no-exceptions' | 'exceptions' | 'insufficient-data' | 'not-assessed'

export interface Objective {
  readonly id: string
  /** What it asks, in our words. */
  readonly asks: string
  /** Events can show the whole of it, a part, or nothing. */
  readonly shownBy: 'events' | 'events-in-part' | 'documents'
  readonly rules: readonly string[]
  /** Organization-defined parameters without which nothing can be said. */
  readonly parameters: readonly string[]
  /** What a person has to add. */
  readonly needs: string
}

export interface ObjectiveResult {
  readonly objective: Objective
  readonly state: DeterminationState
  readonly exceptions: number
  readonly text: string
}

export interface DeterminationInputs {
  readonly rules: ReadonlyMap<string, RuleResult>
  readonly parameters: Readonly<Record<string, string>>
  readonly populationRows: number
  /** Why the population cannot be trusted to be whole; null when it was counted in all ways with one result. */
  readonly incomplete: string | null
}

export function determine(objective: Objective, inputs: DeterminationInputs): ObjectiveResult {
  const of = (state: DeterminationState, text: string, exceptions = 0): ObjectiveResult => ({
    objective,
    state,
    exceptions,
    text,
  })
  if (objective.shownBy === 'documents') {
    return of('not-assessed', `Not assessed by this tool: needs ${objective.needs}.`)
  }
  if (inputs.incomplete !== null) return of('insufficient-data', inputs.incomplete)
  const results = objective.rules.map((rule) => inputs.rules.get(rule))
  const found = results.reduce((sum, result) => sum + (result?.exceptions.length ?? 0), 0)
  if (found > 0) {
    return of('exceptions', `${found} ${found === 1 ? 'exception' : 'exceptions'} noted.`, found)
  }
  if (inputs.populationRows === 0) {
    return of(
      'insufficient-data',
      'The population is empty, and no canary shows that it had to be.',
    )
  }
  const unset = objective.parameters.filter((id) => (inputs.parameters[id] ?? '') === '')
  const reasons = [
    ...unset.map((id) => `The organization-defined parameter ${id} is not set.`),
    ...objective.rules.flatMap((rule, index) => {
      const why = results[index] === undefined ? 'it does not exist' : results[index].notEvaluated
      return why === null ? [] : [`Rule ${rule} could not be evaluated: ${why}.`]
    }),
  ]
  if (reasons.length > 0) return of('insufficient-data', reasons.join(' '))
  if (objective.shownBy === 'events-in-part') {
    return of(
      'partial-no-exceptions',
      `No exceptions noted in the evidenced part; the rest needs ${objective.needs}.`,
    )
  }
  return of('no-exceptions', 'No exceptions noted.')
}
