import type { PolicyRule } from '../../../../schemas/policy.ts'
import type { Located, Problem } from '../../../../schemas/validated-document.ts'
import { factFlags, statementClasses, statementKinds } from '../facts.ts'
import { isReservedRuleId } from './baseline.ts'
import { closestName } from './closest-name.ts'
import { checkCondition } from './condition-checks.ts'
import { isBesideNoAllow } from './mask-reach.ts'
import { defaultExpiresSeconds } from './rule.ts'
import { kindsOfStatements } from './rule-parts.ts'
import { shadowOf } from './shadows.ts'

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
    for (const message of checkCondition(rule)) report(['when'], message)
    if (rule.outcome === 'allow') checkReach(rule, report)
    if (rule.outcome === 'mask' && rule.mask !== undefined && isBesideNoAllow(rule, rules)) {
      report(
        [],
        'this rule can never match: a mask lets nothing through by itself, and no allow or hold rule is about the same targets, actors and statements',
      )
    }
    const shadow = shadowOf(rule, index, rules)
    if (shadow !== null) {
      report([], `this rule can never match: rule ${shadow.by.id} ${shadow.why}`)
    }
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
  const { outcome } = rule
  if (outcome === 'hold' && rule.approval === undefined) {
    report(['approval'], 'is required in a hold rule: say which role has to agree')
  }
  if (outcome !== 'hold' && rule.approval !== undefined) {
    report(['approval'], `expected only in hold rules; the outcome of this one is ${outcome}`)
  }
  const { wait_seconds: wait = 0, expires_seconds: expires = defaultExpiresSeconds } =
    rule.approval ?? {}
  if (wait > expires) {
    report(
      ['approval', 'wait_seconds'],
      `expected at most the ${expires} seconds in which it may be answered (expires_seconds)`,
    )
  }
  if (outcome === 'mask' && rule.mask === undefined) {
    report(['mask'], 'is required in a mask rule: say which classes of values are masked')
  }
  if (outcome !== 'mask' && rule.mask !== undefined) {
    report(['mask'], `expected only in mask rules; the outcome of this one is ${outcome}`)
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
      'expected only in block, hold and mask rules; leave it out, or block the flag in another rule',
    )
  }
  const known: readonly string[] = factFlags
  rule.flags?.forEach((name, index) => {
    if (!known.includes(name)) {
      report(['flags', index], `unknown flag ${name}; expected one of ${known.join(', ')}`)
    }
  })
}

function checkReach(rule: PolicyRule, report: Report): void {
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
