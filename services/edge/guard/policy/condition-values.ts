import { Environment } from '@marcbachmann/cel-js'
import { defaultSearchPath } from './decision-input.ts'
import type { DecisionInput } from './decision-input.ts'
import { isBare } from './relation-names.ts'

/** What a condition may name, with its CEL type. */
const variableTypes = {
  actor: 'Actor',
  groups: 'list<string>',
  on_behalf_of: 'list<string>',
  target: 'string',
  database: 'string',
  role: 'string',
  purpose: 'string',
  labels: 'list<string>',
  now: 'google.protobuf.Timestamp',
  kinds: 'list<string>',
  reads: 'list<string>',
  writes: 'list<string>',
  columns_read: 'list<string>',
  columns_written: 'list<string>',
  functions: 'list<string>',
  flags: 'list<string>',
  rows: 'int',
} as const

export type ConditionVariable = keyof typeof variableTypes

export function isConditionVariable(name: string): name is ConditionVariable {
  return Object.hasOwn(variableTypes, name)
}

/** A variable that is missing is not known: whatever needs it for its value has none. */
export type ConditionValues = Readonly<Partial<Record<ConditionVariable, unknown>>>

/** Longer lists count as unknown: the time that a condition takes is bounded by what it may look at. */
const longestList = 64

/** Where conditions are parsed and type-checked. No optional syntax, no custom functions; sizes are bounded. */
export const conditionEnvironment = Object.entries(variableTypes).reduce(
  (environment, [name, type]) => environment.registerVariable(name, type),
  new Environment({
    limits: { maxAstNodes: 300, maxDepth: 40, maxListElements: 100, maxMapEntries: 1 },
  })
    .registerType({
      name: 'Principal',
      schema: { kind: 'string', subject: 'string', issuer: 'string', display: 'string' },
    })
    .registerType({
      name: 'Actor',
      schema: {
        kind: 'string',
        subject: 'string',
        issuer: 'string',
        display: 'string',
        groups: 'list<string>',
        on_behalf_of: 'list<Principal>',
      },
    }),
)

/** The values of these variables, as far as they are known. */
export function valuesFor(
  variables: ReadonlySet<ConditionVariable>,
  input: DecisionInput,
): ConditionValues {
  const values: Partial<Record<ConditionVariable, unknown>> = {}
  for (const name of variables) {
    const value = valueOf(name, input)
    if (value !== null && !(Array.isArray(value) && value.length > longestList)) {
      values[name] = value
    }
  }
  return values
}

/** Null for what is not known. */
function valueOf(name: ConditionVariable, input: DecisionInput): unknown {
  const { actor, facts, unknown } = input
  switch (name) {
    case 'actor':
      return unknown?.has('groups') === true
        ? { ...actorOf(actor), groups: undefined }
        : actorOf(actor)
    case 'groups':
      return unknown?.has('groups') === true ? null : actor.groups
    case 'on_behalf_of':
      return actor.on_behalf_of.map(({ subject }) => subject)
    case 'target':
      return input.target
    case 'database':
      return unknown?.has('database') === true ? null : input.database
    case 'role':
      return input.role
    case 'purpose':
      return unknown?.has('purpose') === true ? null : (input.purpose ?? '')
    case 'labels':
      return unknown?.has('labels') === true ? null : input.labels
    case 'now':
      // Whole seconds, for as long as verdicts are kept where a condition looks at the time.
      return new Date(Math.floor(input.nowMs / 1000) * 1000)
    case 'rows':
      return facts.unknown.length > 0 || facts.rows === null ? null : BigInt(facts.rows)
    case 'kinds':
      return ofFacts(input, facts.kinds)
    case 'functions':
      return ofFacts(input, facts.functions)
    case 'flags':
      return ofFacts(input, facts.flags)
    case 'reads':
      return qualified(input, facts.reads, isBare)
    case 'writes':
      return qualified(input, facts.writes, isBare)
    case 'columns_read':
      return qualified(input, facts.columnsRead, isColumnOfBare)
    case 'columns_written':
      return qualified(input, facts.columnsWritten, isColumnOfBare)
  }
}

function actorOf(actor: DecisionInput['actor']) {
  return {
    kind: actor.kind,
    subject: actor.subject,
    issuer: actor.issuer,
    display: actor.display ?? '',
    groups: actor.groups,
    on_behalf_of: actor.on_behalf_of.map(({ kind, subject, issuer, display }) => ({
      kind,
      subject,
      issuer,
      display: display ?? '',
    })),
  }
}

/** Facts with an unknown part are a lower bound only: what is not in them may be there all the same. */
function ofFacts({ facts }: DecisionInput, values: readonly string[]): readonly string[] | null {
  return facts.unknown.length > 0 ? null : values
}

/** Names with their schema. Null where one stands for several, or where the search path leaves open which schema is meant. */
function qualified(
  input: DecisionInput,
  names: readonly string[],
  needsSchema: (name: string) => boolean,
): readonly string[] | null {
  if (input.facts.unknown.length > 0 || names.some((name) => /(?:^|\.)\*$/.test(name))) return null
  if (!names.some(needsSchema)) return names
  const [schema, ...more] = input.searchPath ?? defaultSearchPath
  if (schema === undefined || more.length > 0) return null
  return names.map((name) => (needsSchema(name) ? `${schema}.${name}` : name))
}

function isColumnOfBare(name: string): boolean {
  return (name.match(/"(?:[^"]|"")*"|[^."]+/g)?.length ?? 0) < 3
}
