import { EvaluationError, ParseError, TypeError as CelTypeError } from '@marcbachmann/cel-js'
import type { ASTNode, ParseResult } from '@marcbachmann/cel-js'
import { celNodes } from './cel-nodes.ts'
import { conditionLimit } from './condition-limits.ts'
import { conditionEnvironment, isConditionVariable, valuesFor } from './condition-values.ts'
import type { ConditionValues, ConditionVariable } from './condition-values.ts'
import type { DecisionInput } from './decision-input.ts'

/**
 * A CEL condition of a rule. What is unknown goes through it as CEL's errors do: `unknown && false` is false and
 * `unknown || true` is true, everything else that rests on it has no value. So true means true whatever the unknown turns out to
 * be, and false likewise.
 */
export interface Condition {
  readonly variables: ReadonlySet<ConditionVariable>
  /** The text, for explanations. */
  readonly text: string
  readonly ast: ASTNode
  /** Never throws. */
  evaluate(input: DecisionInput): ConditionOutcome
  /** By values that are given; all others are unknown. */
  evaluateWith(values: ConditionValues): ConditionOutcome
}

export type ConditionOutcome =
  | { readonly value: boolean }
  /** `why` names what is missing. */
  | { readonly value: null; readonly why: string }

export type CompiledCondition =
  | { readonly ok: true; readonly condition: Condition }
  | { readonly ok: false; readonly message: string }

/** Compiles and type-checks a condition: a name that does not exist is found here, not when a statement waits. */
export function compileCondition(expression: string): CompiledCondition {
  try {
    const program = conditionEnvironment.parse(expression)
    const checked = program.check()
    if (!checked.valid) return { ok: false, message: summaryOf(checked.error) }
    if (checked.type !== 'bool') {
      return { ok: false, message: `is a ${checked.type ?? 'value'}, not true or false` }
    }
    const limit = conditionLimit(program.ast)
    if (limit !== null) return { ok: false, message: limit }
    return { ok: true, condition: conditionOf(expression, program) }
  } catch (error) {
    return { ok: false, message: summaryOf(error) }
  }
}

function conditionOf(text: string, program: ParseResult): Condition {
  const variables = variablesOf(program.ast)
  const evaluateWith = (values: ConditionValues): ConditionOutcome => {
    try {
      const value: unknown = program(values)
      return typeof value === 'boolean' ? { value } : { value: null, why: 'it has no value' }
    } catch (error) {
      return { value: null, why: whyOf(error) }
    }
  }
  return {
    variables,
    text,
    ast: program.ast,
    evaluate: (input) => evaluateWith(valuesFor(variables, input)),
    evaluateWith,
  }
}

function variablesOf(ast: ASTNode): ReadonlySet<ConditionVariable> {
  const variables = new Set<ConditionVariable>()
  for (const node of celNodes(ast)) {
    if (node.op === 'id' && isConditionVariable(node.args)) variables.add(node.args)
  }
  return variables
}

function whyOf(error: unknown): string {
  if (error instanceof EvaluationError && error.code === 'unknown_variable') {
    return `${error.summary.replace(/^Unknown variable: /, '')} is not known`
  }
  return summaryOf(error)
}

function summaryOf(error: unknown): string {
  const isCel =
    error instanceof ParseError || error instanceof EvaluationError || error instanceof CelTypeError
  if (isCel) return placed(error.summary, error.range?.start)
  return error instanceof Error
    ? placed(error.message.split('\n', 1)[0] ?? '', undefined)
    : 'is not valid'
}

function placed(summary: string, start: number | undefined): string {
  const column = start === undefined ? '' : ` (character ${start + 1})`
  return `${summary.charAt(0).toLowerCase()}${summary.slice(1)}${column}`
}
