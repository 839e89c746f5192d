import type { ASTNode } from '@marcbachmann/cel-js'
import type { PolicyRule } from '../../../../schemas/policy.ts'
import { factFlags, statementKinds } from '../facts.ts'
import { celNodes } from './cel-nodes.ts'
import { closestName } from './closest-name.ts'
import { compileCondition } from './condition.ts'
import type { Condition } from './condition.ts'
import type { ConditionValues } from './condition-values.ts'
import { kindsOfStatements } from './rule-parts.ts'

/** What is wrong with a rule's condition, in words; empty when nothing is. */
export function checkCondition(rule: PolicyRule): readonly string[] {
  if (rule.when === undefined) return []
  const compiled = compileCondition(rule.when)
  if (!compiled.ok) return [`expected a CEL condition: ${compiled.message}`]
  const names = unknownLiterals(compiled.condition.ast)
  if (names.length > 0) return names
  const always = constantValue(compiled.condition)
  if (always !== null) return [always]
  const foreign = foreignKind(rule, compiled.condition.ast)
  if (foreign !== null) {
    return [`this rule can never match: ${foreign} is none of the statements that it allows`]
  }
  return canHold(rule, compiled.condition)
    ? []
    : ['this rule can never match: its condition is false for all of its targets and actors']
}

function constantValue(condition: Condition): string | null {
  if (condition.variables.size > 0) return null
  const outcome = condition.evaluateWith({})
  if (outcome.value === null) return `expected a CEL condition: ${outcome.why}`
  return outcome.value
    ? 'has no effect: the condition is always true'
    : 'this rule can never match: its condition is false'
}

/** Whether the condition can be true of any target and kind of actor of the rule, everything else being open. */
function canHold(rule: PolicyRule, condition: Condition): boolean {
  const targets = rule.targets.some((name) => name.includes('*')) ? [null] : rule.targets
  const kinds = rule.actors?.kinds ?? [null]
  return targets.some((target) =>
    kinds.some((kind) => {
      const values: ConditionValues = {
        ...(target === null ? {} : { target }),
        ...(kind === null ? {} : { actor: { kind } }),
      }
      return condition.evaluateWith(values).value !== false
    }),
  )
}

/** A kind that an allow rule asks for in its condition, and covers nothing with; null when there is none. */
function foreignKind(rule: PolicyRule, ast: ASTNode): string | null {
  if (rule.outcome !== 'allow' || rule.statements === undefined) return null
  const kinds = kindsOfStatements(rule.statements)
  for (const node of conjuncts(ast)) {
    if (node.op !== 'in') continue
    const [left, right] = node.args
    const isOfKinds = right.op === 'id' && right.args === 'kinds'
    if (
      isOfKinds &&
      left.op === 'value' &&
      typeof left.args === 'string' &&
      !kinds.has(left.args)
    ) {
      return left.args
    }
  }
  return null
}

function conjuncts(node: ASTNode): readonly ASTNode[] {
  return node.op === '&&' ? node.args.flatMap(conjuncts) : [node]
}

/** Names in `'…' in kinds` and the like that no fact ever has. */
function unknownLiterals(ast: ASTNode): readonly string[] {
  const problems: string[] = []
  for (const node of celNodes(ast)) {
    if (node.op !== 'in') continue
    const [left, right] = node.args
    if (left.op !== 'value' || typeof left.args !== 'string' || right.op !== 'id') continue
    const problem = problemOfMember(left.args, right.args)
    if (problem !== null) problems.push(`${problem} (character ${left.start + 1})`)
  }
  return problems
}

function problemOfMember(value: string, list: string): string | null {
  switch (list) {
    case 'kinds':
      return statementKinds.some((kind) => kind === value)
        ? null
        : `unknown statement kind ${value}${hint(value, statementKinds)}`
    case 'flags':
      return factFlags.some((flag) => flag === value)
        ? null
        : `unknown flag ${value}${hint(value, factFlags)}`
    case 'reads':
    case 'writes':
      return partsOf(value) === 2
        ? null
        : `${list} holds names as schema.relation, so ${value} is never among them`
    case 'columns_read':
    case 'columns_written':
      return partsOf(value) === 3
        ? null
        : `${list} holds names as schema.relation.column, so ${value} is never among them`
    default:
      return null
  }
}

function partsOf(name: string): number {
  return name.match(/"(?:[^"]|"")*"|[^."]+/g)?.length ?? 0
}

function hint(name: string, known: readonly string[]): string {
  const closest = closestName(name, known)
  return closest === null ? '' : `; did you mean ${closest}?`
}
