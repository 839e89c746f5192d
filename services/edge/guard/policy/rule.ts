import type { PolicyActors, PolicyRule } from '../../../../schemas/policy.ts'
import { statementClasses } from '../facts.ts'
import type { StatementClass } from '../facts.ts'
import { compileCondition } from './condition.ts'
import type { Condition } from './condition.ts'
import type { DecisionInput } from './decision-input.ts'
import { compilePatterns } from './pattern.ts'
import { compileRelations } from './relation-names.ts'

export interface CompiledRule {
  readonly id: string
  readonly reason: string | null
  readonly usesTime: boolean
  /** For an allow: whether it covers all of the facts. For a block: whether it matches any of them. */
  applies(input: DecisionInput): boolean
}

/** Compiles a rule that `checkRules` found nothing wrong with. */
export function compileRule(rule: PolicyRule): CompiledRule {
  const targets = compilePatterns(rule.targets)
  const isAbout = compileActors(rule.actors)
  const compiled = rule.when === undefined ? null : compileCondition(rule.when)
  if (compiled?.ok === false) throw new TypeError(`rule ${rule.id}: ${compiled.message}`)
  const factsMatch = rule.outcome === 'allow' ? compileCover(rule) : compileTouch(rule)
  const holds = holdsBy(rule.outcome, compiled?.condition ?? null)
  return {
    id: rule.id,
    reason: rule.reason ?? null,
    usesTime: compiled?.usesTime ?? false,
    applies: (input) =>
      targets.matches(input.target) && isAbout(input.actor) && factsMatch(input) && holds(input),
  }
}

/** Kinds and classes of `statements` as kinds. */
export function kindsOfStatements(statements: readonly string[]): ReadonlySet<string> {
  return new Set(
    statements.flatMap(
      (name) =>
        (statementClasses[name as StatementClass] as readonly string[] | undefined) ?? [name],
    ),
  )
}

/** Without a value, an allow must not open and a block must not let pass. */
function holdsBy(
  outcome: PolicyRule['outcome'],
  condition: Condition | null,
): (input: DecisionInput) => boolean {
  if (condition === null) return () => true
  const withoutValue = outcome !== 'allow'
  return (input) => condition(input) ?? withoutValue
}

function compileActors(
  actors: PolicyActors | undefined,
): (actor: DecisionInput['actor']) => boolean {
  if (actors === undefined) return () => true
  const kinds = actors.kinds === undefined ? null : new Set<string>(actors.kinds)
  const subjects = actors.subjects === undefined ? null : compilePatterns(actors.subjects)
  const groups = actors.groups === undefined ? null : new Set(actors.groups)
  const isBehind = compileOnBehalfOf(actors.on_behalf_of)
  return (actor) =>
    (kinds === null || kinds.has(actor.kind)) &&
    (subjects === null || subjects.matches(actor.subject)) &&
    (groups === null || actor.groups.some((group) => groups.has(group))) &&
    isBehind(actor)
}

function compileOnBehalfOf(
  wanted: PolicyActors['on_behalf_of'],
): (actor: DecisionInput['actor']) => boolean {
  if (wanted === undefined) return () => true
  if (wanted === 'required') return (actor) => actor.on_behalf_of.length > 0
  if (wanted === 'forbidden') return (actor) => actor.on_behalf_of.length === 0
  const subjects = compilePatterns(wanted)
  return (actor) => actor.on_behalf_of.some((principal) => subjects.matches(principal.subject))
}

/** An allow covers a message only as a whole. What the rule leaves out it does not cover; what is unknown nothing covers. */
function compileCover(rule: PolicyRule): (input: DecisionInput) => boolean {
  const kinds = kindsOfStatements(rule.statements ?? [])
  const reads = compileRelations(rule.relations?.read ?? [])
  const writes = compileRelations(rule.relations?.write ?? [])
  const functions = compileFunctions(rule.functions ?? [])
  return ({ facts, searchPath = defaultSearchPath }) =>
    facts.unknown.length === 0 &&
    facts.kinds.every((kind) => kinds.has(kind)) &&
    facts.reads.every((name) => reads.covers(name, searchPath)) &&
    facts.writes.every((name) => writes.covers(name, searchPath)) &&
    facts.unlistedFunctions.every((name) => functions.covers(name))
}

/** A block matches when each selector it has matches any of the facts; without selectors it matches everything. */
function compileTouch(rule: PolicyRule): (input: DecisionInput) => boolean {
  const kinds = rule.statements === undefined ? null : kindsOfStatements(rule.statements)
  const relations = rule.relations
  const reads = compileRelations(relations?.read ?? [])
  const writes = compileRelations(relations?.write ?? [])
  const functions = rule.functions === undefined ? null : compileFunctions(rule.functions)
  const flags = rule.flags === undefined ? null : new Set(rule.flags)
  return ({ facts, searchPath = defaultSearchPath }) =>
    (kinds === null || facts.kinds.some((kind) => kinds.has(kind))) &&
    (relations === undefined ||
      facts.reads.some((name) => reads.touches(name, searchPath)) ||
      facts.writes.some((name) => writes.touches(name, searchPath))) &&
    (functions === null || facts.functions.some((name) => functions.touches(name))) &&
    (flags === null || facts.flags.some((flag) => flags.has(flag)))
}

/** A function without a schema means PostgreSQL's own; a block on it also stops namesakes in other schemas. */
function compileFunctions(texts: readonly string[]): {
  covers(name: string): boolean
  touches(name: string): boolean
} {
  const patterns = compilePatterns(texts)
  const bareOf = (name: string): string => name.slice(name.lastIndexOf('.') + 1)
  return {
    covers: (name) =>
      patterns.matches(name) || (name.startsWith('pg_catalog.') && patterns.matches(bareOf(name))),
    touches: (name) =>
      patterns.matches(name) ||
      patterns.matches(bareOf(name)) ||
      patterns.matches(`pg_catalog.${name}`),
  }
}

const defaultSearchPath: readonly string[] = ['public']
