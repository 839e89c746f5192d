import type { PolicyRule } from '../../../../schemas/policy.ts'
import type { Located, Problem } from '../../../../schemas/validated-document.ts'
import { factFlags, statementClasses, statementKinds } from '../facts.ts'
import { isReservedRuleId } from './baseline.ts'
import { closestName } from './closest-name.ts'
import { compileCondition } from './condition.ts'
import { kindsOfStatements } from './rule.ts'

type Report = (path: readonly (string | number)[], message: string) => void

/**
 * What a schema cannot say: names that do not exist, conditions that do not compile, rules that can never do anything.
 * A rule that does not fit the schema is null; it keeps its place.
 */
export function checkRules(
  rules: readonly (PolicyRule | null)[],
  at: Located<unknown>['at'],
): readonly Problem[] {
  const problems: Problem[] = []
  rules.forEach((rule, index) => {
    if (rule === null) return
    const report: Report = (path, message) => {
      problems.push(at(['rules', index, ...path], message))
    }
    checkId(rule, rules.slice(0, index), report)
    checkOutcome(rule, report)
    checkStatements(rule, report)
    checkFlags(rule, report)
    checkCondition(rule, report)
    if (rule.outcome === 'allow') checkReach(rule, rules, report)
  })
  return problems
}

function checkId(rule: PolicyRule, earlier: readonly (PolicyRule | null)[], report: Report): void {
  const twin = earlier.findIndex((other) => other?.id === rule.id)
  if (twin !== -1)
    report(['id'], `expected an id of its own; rules[${twin}] is called ${rule.id} too`)
  if (isReservedRuleId(rule.id)) {
    report(['id'], 'expected another id; default and builtin… name the rules of the program itself')
  }
}

function checkOutcome(rule: PolicyRule, report: Report): void {
  if (rule.outcome === 'hold') {
    report(
      ['outcome'],
      'expected allow or block; holding a request for approval comes with a later release, use block until then',
    )
  }
  if (rule.outcome === 'mask') {
    report(
      ['outcome'],
      'expected allow or block; masking of answers comes with a later release, use block until then',
    )
  }
}

function checkStatements(rule: PolicyRule, report: Report): void {
  const classes = Object.keys(statementClasses)
  const known = new Set<string>([...classes, ...statementKinds])
  rule.statements?.forEach((name, index) => {
    if (known.has(name)) return
    const closest = closestName(name, known)
    const hint = closest === null ? '' : `did you mean ${closest}? `
    report(
      ['statements', index],
      `unknown statement kind ${name}; ${hint}the classes are ${classes.join(', ')}`,
    )
  })
}

function checkFlags(rule: PolicyRule, report: Report): void {
  if (rule.flags !== undefined && rule.outcome === 'allow') {
    report(
      ['flags'],
      'expected only in block rules; leave it out, or block the flag in another rule',
    )
  }
  const known: readonly string[] = factFlags
  rule.flags?.forEach((name, index) => {
    if (!known.includes(name)) {
      report(['flags', index], `unknown flag ${name}; expected one of ${known.join(', ')}`)
    }
  })
}

function checkCondition(rule: PolicyRule, report: Report): void {
  if (rule.when === undefined) return
  const compiled = compileCondition(rule.when)
  if (!compiled.ok) report(['when'], `expected a CEL condition: ${compiled.message}`)
  else if (compiled.isNever) report(['when'], 'this rule can never match: its condition is false')
}

function checkReach(rule: PolicyRule, rules: readonly (PolicyRule | null)[], report: Report): void {
  if (rule.statements === undefined) {
    report(['statements'], 'is required in an allow rule: it allows nothing that it does not name')
    return
  }
  rule.statements.forEach((name, index) => {
    const kinds = [...kindsOfStatements([name])]
    if (kinds.every((kind) => neverAllowed.has(kind))) {
      report(['statements', index], `this can never match: ${name} is refused by built-in rules`)
      return
    }
    const writing = kinds.filter((kind) => alwaysWrites.has(kind))
    if (writing.length > 0 && rule.relations?.write === undefined) {
      report(
        ['statements', index],
        `this can never match: ${writing.join(', ')} changes a relation, and relations.write names none`,
      )
    }
  })
  const kinds = [...kindsOfStatements(rule.statements)]
  if (rule.relations?.write !== undefined && kinds.every((kind) => neverWrites.has(kind))) {
    report(['relations', 'write'], 'has no effect: none of the statements of this rule writes')
  }
  const shadow = rules.find((other) => other !== null && blocksEverything(other, rule))
  if (shadow !== undefined && shadow !== null) {
    report([], `this rule can never match: rule ${shadow.id} blocks everything on its targets`)
  }
}

/** Whether a block rule has no condition at all and is about every target of another rule. */
function blocksEverything(block: PolicyRule, rule: PolicyRule): boolean {
  if (block.outcome !== 'block') return false
  const { actors, statements, relations, functions, flags, when } = block
  if ([actors, statements, relations, functions, flags, when].some((part) => part !== undefined)) {
    return false
  }
  return block.targets.includes('*') || rule.targets.every((name) => block.targets.includes(name))
}

const neverAllowed: ReadonlySet<string> = new Set(['do', 'load', 'alter_system', 'other'])

const alwaysWrites: ReadonlySet<string> = new Set([
  'insert',
  'update',
  'delete',
  'merge',
  'copy_from',
  'truncate',
  'refresh',
])

const neverWrites: ReadonlySet<string> = new Set([
  'select',
  'copy_to',
  'show',
  'fetch',
  'close',
  ...statementClasses.transaction,
  ...statementClasses.messaging,
  'set',
  'reset',
  'deallocate',
  'discard',
])
