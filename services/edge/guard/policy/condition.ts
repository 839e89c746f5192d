import { Environment, EvaluationError, ParseError } from '@marcbachmann/cel-js'
import type { Context } from '@marcbachmann/cel-js'
import type { DecisionInput } from './decision-input.ts'

/** A CEL condition of a rule. Null when it has no value, since an error came up while it was worked out. */
export type Condition = (input: DecisionInput) => boolean | null

export type CompiledCondition =
  | {
      readonly ok: true
      readonly condition: Condition
      readonly isNever: boolean
      readonly usesTime: boolean
    }
  | { readonly ok: false; readonly message: string }

/** Compiles and type-checks a condition: a name that does not exist is found here, not when a statement waits. */
export function compileCondition(expression: string): CompiledCondition {
  try {
    const program = conditions.parse(expression)
    const checked = program.check()
    if (!checked.valid) return { ok: false, message: summaryOf(checked.error) }
    if (checked.type !== 'bool') {
      return { ok: false, message: `is a ${checked.type ?? 'value'}, not true or false` }
    }
    const isNever = program.ast.op === 'value' && program.ast.args === false
    const usesTime = /\bnow\b/.test(expression)
    return { ok: true, condition: (input) => evaluate(program, input), isNever, usesTime }
  } catch (error) {
    return { ok: false, message: summaryOf(error) }
  }
}

function evaluate(program: (context: Context) => unknown, input: DecisionInput): boolean | null {
  try {
    const value = program({
      actor: {
        kind: input.actor.kind,
        subject: input.actor.subject,
        issuer: input.actor.issuer,
        display: input.actor.display ?? '',
        groups: input.actor.groups,
        on_behalf_of: input.actor.on_behalf_of,
      },
      target: input.target,
      database: input.database,
      kinds: input.facts.kinds,
      reads: input.facts.reads,
      writes: input.facts.writes,
      functions: input.facts.functions,
      flags: input.facts.flags,
      purpose: input.purpose ?? '',
      labels: input.labels,
      now: new Date(input.nowMs),
    })
    return typeof value === 'boolean' ? value : null
  } catch {
    return null
  }
}

const conditions = new Environment()
  .registerVariable({
    name: 'actor',
    schema: {
      kind: 'string',
      subject: 'string',
      issuer: 'string',
      display: 'string',
      groups: 'list<string>',
      on_behalf_of: 'list<map<string, dyn>>',
    },
  })
  .registerVariable('target', 'string')
  .registerVariable('database', 'string')
  .registerVariable('kinds', 'list<string>')
  .registerVariable('reads', 'list<string>')
  .registerVariable('writes', 'list<string>')
  .registerVariable('functions', 'list<string>')
  .registerVariable('flags', 'list<string>')
  .registerVariable('purpose', 'string')
  .registerVariable('labels', 'list<string>')
  .registerVariable('now', 'google.protobuf.Timestamp')

function summaryOf(error: unknown): string {
  if (error instanceof ParseError || error instanceof EvaluationError) return placed(error)
  return error instanceof Error ? placed(error) : 'is not valid'
}

function placed(error: Error & { summary?: string; range?: { start: number } }): string {
  const summary = error.summary ?? error.message.split('\n', 1)[0] ?? ''
  const column = error.range === undefined ? '' : ` (character ${error.range.start + 1})`
  return `${summary.charAt(0).toLowerCase()}${summary.slice(1)}${column}`
}
