import type { PolicyActors, PolicyRule } from '../../../../schemas/policy.ts'
import { statementClasses } from '../facts.ts'
import type { StatementClass } from '../facts.ts'
import { compileColumns } from './column-names.ts'
import type { Condition } from './condition.ts'
import { defaultSearchPath } from './decision-input.ts'
import type { DecisionInput } from './decision-input.ts'
import { compilePatterns } from './pattern.ts'
import { compileRelations } from './relation-names.ts'
import type { RelationPatterns } from './relation-names.ts'

/** One thing a rule asks for. A rule applies when all of its parts match. */
export interface RulePart {
  /** As the policy file calls it, like `relations.write`. */
  readonly name: string
  matches(input: DecisionInput): boolean
  /** What of the input decided, in words: for explanations only. */
  detail(input: DecisionInput): string
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

/** Who and where: the same for every outcome. */
export function scopeParts(rule: PolicyRule): readonly RulePart[] {
  const targets = compilePatterns(rule.targets)
  return [
    {
      name: 'targets',
      matches: ({ target }) => targets.matches(target),
      detail: ({ target }) => `target ${target}`,
    },
    ...actorParts(rule.actors ?? {}),
  ]
}

function actorParts(actors: PolicyActors): readonly RulePart[] {
  const parts: RulePart[] = []
  if (actors.kinds !== undefined) {
    const kinds = new Set<string>(actors.kinds)
    parts.push({
      name: 'actors.kinds',
      matches: ({ actor }) => kinds.has(actor.kind),
      detail: ({ actor }) => `the actor is ${article(actor.kind)}`,
    })
  }
  if (actors.subjects !== undefined) {
    const subjects = compilePatterns(actors.subjects)
    parts.push({
      name: 'actors.subjects',
      matches: ({ actor }) => subjects.matches(actor.subject),
      detail: ({ actor }) => `the actor is ${actor.subject}`,
    })
  }
  if (actors.groups !== undefined) {
    const groups = new Set(actors.groups)
    parts.push({
      name: 'actors.groups',
      matches: ({ actor }) => actor.groups.some((group) => groups.has(group)),
      detail: ({ actor }) => listed('the groups are', actor.groups),
    })
  }
  if (actors.on_behalf_of !== undefined) parts.push(onBehalfOfPart(actors.on_behalf_of))
  return parts
}

function onBehalfOfPart(wanted: NonNullable<PolicyActors['on_behalf_of']>): RulePart {
  const subjects = typeof wanted === 'string' ? null : compilePatterns(wanted)
  return {
    name: 'actors.on_behalf_of',
    matches: ({ actor: { on_behalf_of: behind } }) => {
      if (wanted === 'required') return behind.length > 0
      if (wanted === 'forbidden') return behind.length === 0
      return behind.some(({ subject }) => subjects?.matches(subject))
    },
    detail: ({ actor }) =>
      listed(
        'acts for',
        actor.on_behalf_of.map(({ subject }) => subject),
      ),
  }
}

/**
 * What a rule must cover as a whole to let a message through. What the rule leaves out it does not cover, but for columns, where
 * leaving them out means all of the relations it names. What is unknown nothing covers.
 */
export function coverParts(rule: PolicyRule, condition: Condition | null): readonly RulePart[] {
  const kinds = kindsOfStatements(rule.statements ?? [])
  const functions = compileFunctions(rule.functions ?? [])
  const { relations, columns } = rule
  return [
    {
      name: 'facts',
      matches: ({ facts }) => facts.unknown.length === 0,
      detail: ({ facts }) => listed('not known', facts.unknown),
    },
    covering(
      'statements',
      ({ facts }) => facts.kinds,
      (kind) => kinds.has(kind),
    ),
    coveringNames(
      'relations.read',
      ({ facts }) => facts.reads,
      compileRelations(relations?.read ?? []),
    ),
    coveringNames(
      'relations.write',
      ({ facts }) => facts.writes,
      compileRelations(relations?.write ?? []),
    ),
    ...(columns?.read === undefined
      ? []
      : [
          coveringNames(
            'columns.read',
            ({ facts }) => facts.columnsRead,
            compileColumns(columns.read),
          ),
        ]),
    ...(columns?.write === undefined
      ? []
      : [
          coveringNames(
            'columns.write',
            ({ facts }) => facts.columnsWritten,
            compileColumns(columns.write),
          ),
        ]),
    covering(
      'functions',
      ({ facts }) => facts.unlistedFunctions,
      (name) => functions.covers(name),
    ),
    ...(condition === null ? [] : [conditionPart(condition, false)]),
  ]
}

type Names = (input: DecisionInput) => readonly string[]

function covering(
  name: string,
  namesOf: Names,
  covers: (name: string, searchPath: readonly string[]) => boolean,
): RulePart {
  return {
    name,
    matches: (input) => {
      const { searchPath = defaultSearchPath } = input
      return namesOf(input).every((value) => covers(value, searchPath))
    },
    detail: (input) => {
      const { searchPath = defaultSearchPath } = input
      const values = namesOf(input)
      const missing = values.filter((value) => !covers(value, searchPath))
      return missing.length === 0 ? listed('covers', values) : listed('does not cover', missing)
    },
  }
}

function coveringNames(name: string, namesOf: Names, patterns: RelationPatterns): RulePart {
  return covering(name, namesOf, (value, searchPath) => patterns.covers(value, searchPath))
}

/** When each selector that a rule has matches any of the facts; without selectors a rule matches everything. */
export function touchParts(rule: PolicyRule, condition: Condition | null): readonly RulePart[] {
  const { relations, columns } = rule
  const parts: RulePart[] = []
  // What a function may read that is not known here, nobody sees: its answer may show any of it.
  const unseen: readonly Touch[] =
    rule.outcome === 'mask'
      ? [[({ facts }) => [...facts.unlistedFunctions, ...facts.unknown], () => true]]
      : []
  if (rule.statements !== undefined) {
    const kinds = kindsOfStatements(rule.statements)
    parts.push(touching('statements', [[({ facts }) => facts.kinds, (kind) => kinds.has(kind)]]))
  }
  if (relations !== undefined) {
    const reads = compileRelations(relations.read ?? [])
    const writes = compileRelations(relations.write ?? [])
    parts.push(
      touching('relations', [
        [({ facts }) => facts.reads, (name, path) => reads.touches(name, path)],
        [({ facts }) => facts.writes, (name, path) => writes.touches(name, path)],
        ...unseen,
      ]),
    )
  }
  if (columns !== undefined) {
    const reads = compileColumns(columns.read ?? [])
    const writes = compileColumns(columns.write ?? [])
    parts.push(
      touching('columns', [
        [({ facts }) => facts.columnsRead, (name, path) => reads.touches(name, path)],
        [({ facts }) => facts.columnsWritten, (name, path) => writes.touches(name, path)],
        ...unseen,
      ]),
    )
  }
  if (rule.functions !== undefined) {
    const functions = compileFunctions(rule.functions)
    parts.push(
      touching('functions', [[({ facts }) => facts.functions, (name) => functions.touches(name)]]),
    )
  }
  if (rule.flags !== undefined) {
    const flags = new Set(rule.flags)
    parts.push(touching('flags', [[({ facts }) => facts.flags, (flag) => flags.has(flag)]]))
  }
  if (condition !== null) parts.push(conditionPart(condition, true))
  return parts
}

type Touch = readonly [Names, (name: string, searchPath: readonly string[]) => boolean]

function touching(name: string, touches: readonly Touch[]): RulePart {
  return {
    name,
    matches: (input) => {
      const { searchPath = defaultSearchPath } = input
      return touches.some(([namesOf, touch]) =>
        namesOf(input).some((value) => touch(value, searchPath)),
      )
    },
    detail: (input) => {
      const { searchPath = defaultSearchPath } = input
      const values = touches.map(([namesOf]) => namesOf(input))
      const touched = touches.flatMap(([, touch], index) =>
        (values[index] ?? []).filter((value) => touch(value, searchPath)),
      )
      return touched.length > 0
        ? listed('touches', [...new Set(touched)])
        : listed('is not about', [...new Set(values.flat())])
    },
  }
}

/** Without a value, a condition must not let through, nor must it keep a rule from stopping something. */
function conditionPart(condition: Condition, withoutValue: boolean): RulePart {
  return {
    name: 'when',
    matches: (input) => condition.evaluate(input).value ?? withoutValue,
    detail: (input) => {
      const outcome = condition.evaluate(input)
      if (outcome.value === null) return `${condition.text} has no value: ${outcome.why}`
      return `${condition.text} is ${String(outcome.value)}`
    },
  }
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
      // Any function at all.
      (texts.length > 0 && name === '*') ||
      patterns.matches(bareOf(name)) ||
      patterns.matches(`pg_catalog.${name}`),
  }
}

function listed(verb: string, names: readonly string[]): string {
  if (names.length === 0) return `${verb} nothing`
  const more = names.length > 8 ? ` and ${names.length - 8} more` : ''
  return `${verb} ${names.slice(0, 8).join(', ')}${more}`
}

function article(kind: string): string {
  return `${/^[aeiou]/.test(kind) ? 'an' : 'a'} ${kind}`
}
