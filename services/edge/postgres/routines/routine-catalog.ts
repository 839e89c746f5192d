import { builtinFunctions } from '../facts/builtin-functions.ts'
import type { Facts } from '../../guard/facts.ts'
import { Couplings, further } from '../masking/couplings.ts'
import type { Access, Reach } from '../masking/couplings.ts'
import type { MentionContext, Mentions, Reached, TargetCode } from '../facts/mentions.ts'
import { qualifiedName, schemasIn } from '../facts/names.ts'
import { lastNameOf } from '../../guard/policy/relation-names.ts'
import { CastCode } from './cast-code.ts'
import { DomainCode } from './domain-code.ts'
import type { CodeOfExpression } from './domain-code.ts'
import type { Definitions } from './recent-definitions.ts'
import type { OperatorRow, RoutineRow, RoutineRows, TypeRow } from './routine-rows.ts'
import { TypeGraph } from './type-graph.ts'
import { TouchedTypes } from './touched-types.ts'

/**
 * The code of a target's users: functions, operators, casts and domains that are neither the server's own nor members of an
 * extension. Where a statement does not say which function it means, one of these may be taken. A snapshot; it never changes.
 *
 * What belongs to a relation is part of reading or writing it, which rules about relations are for: its triggers, rules, defaults,
 * generated columns, row security, indexes, and what its domains check and its types bring when rows of it are written. That it runs is
 * said nevertheless, for what it may do to the session.
 */
export class RoutineCatalog {
  readonly rows: RoutineRows
  readonly #types: TypeGraph
  readonly #routines: ReadonlyMap<string, readonly RoutineRow[]>
  readonly #operators: ReadonlyMap<string, readonly OperatorRow[]>
  readonly #namesakes = new Map<string, Set<number>>()
  readonly #casts: CastCode
  readonly #domains: DomainCode
  readonly #couplings: Couplings

  constructor(rows: RoutineRows, codeOf: CodeOfExpression) {
    this.rows = rows
    this.#types = new TypeGraph(rows)
    this.#routines = Map.groupBy(rows.routines, ({ name }) => name)
    this.#operators = Map.groupBy(rows.operators, ({ name }) => name)
    for (const { relation, column } of rows.namesakes) {
      const relations = this.#namesakes.get(column)
      if (relations === undefined) this.#namesakes.set(column, new Set([relation]))
      else relations.add(relation)
    }
    this.#couplings = new Couplings(rows.couplings, () => false)
    this.#casts = new CastCode(rows.casts, this.#types)
    const ofExtensions = new Set(rows.routines.filter((each) => each.isOfExtension).map(nameOf))
    this.#domains = new DomainCode(rows.checks, this.#types, (expression) => {
      const { calls, types } = codeOf(expression)
      return { calls: calls.filter((name) => !ofExtensions.has(name)), types }
    })
  }

  /** As a session finds it whose search_path is this; null for the one that the target gives. */
  under(searchPath: string | null, recent: Definitions): TargetCode {
    const { user, hasOwnSchema } = this.rows
    const path = schemasIn(searchPath ?? this.rows.searchPath)
      .filter((schema) => schema !== '$user' || hasOwnSchema)
      .map((schema) => (schema === '$user' ? user : schema))
    const isVisible = ({ schema }: { readonly schema: string }): boolean =>
      recent.movesSchemas || path.includes(schema) || schema.startsWith('pg_temp')
    return {
      searchPath: path,
      calledBy: (mentions, context) => this.#called(mentions, context, isVisible, recent),
      reachedBy: (facts) => this.#reached(facts, recent),
    }
  }

  #reached(
    { kinds, reads, writes }: Pick<Facts, 'kinds' | 'reads' | 'writes'>,
    { relations: defined }: Definitions,
  ): Reached {
    const relations = new Set<number>()
    let reach = this.#couplings.ofKinds(kinds)
    const follow = (names: readonly string[], access: Access): void => {
      for (const name of names) {
        const isKnown = !defined.has(lastNameOf(name)) && this.#follow(name, access, relations)
        reach = further(reach, isKnown === false ? 'code' : isKnown)
      }
    }
    follow(reads, 'read')
    follow(writes, 'write')
    const found = [...relations].map((oid) => this.#types.nameOfRelation(oid))
    return { relations: found.filter((name) => name !== null), isCode: reach === 'code' }
  }

  /** Adds what a relation comes to. False for one that is not known, which may have any code. */
  #follow(name: string, access: Access, relations: Set<number>): Reach | false {
    if (name.endsWith('*')) return this.#couplings.ofAny()
    if (name.startsWith('information_schema.')) return 'none'
    const rows = name.startsWith('pg_catalog.')
      ? this.#temporary(lastNameOf(name))
      : this.#types.relationsNamed(name)
    if (rows === null) return false
    let reach: Reach = 'none'
    for (const { relation } of rows) {
      if (relation === null) continue
      const reached = this.#couplings.reached(relation, access)
      for (const oid of reached.relations) relations.add(oid)
      reach = further(reach, reached.reach)
    }
    return reach
  }

  /** What is found by the bare name of a relation of the server before that. */
  #temporary(name: string): readonly TypeRow[] {
    const rows = this.#types.relationsNamed(name) ?? []
    return rows.filter(({ schema }) => schema.startsWith('pg_temp_'))
  }

  #called(
    mentions: Mentions,
    context: MentionContext,
    isVisible: (of: { readonly schema: string }) => boolean,
    recent: Definitions,
  ): readonly string[] {
    // A function of a user answers what it likes.
    const isOpaque = [...context.unlisted].some((name) => this.#routines.has(lastNameOf(name)))
    const touched = new TouchedTypes(this.#types, mentions, context, isOpaque, isVisible)
    const applies = (types: readonly number[]): boolean =>
      types.every((oid) => this.#types.ofArgument(oid) === null) ||
      types.some((oid) => this.#isReached(this.#types.ofArgument(oid), touched))
    const calls: string[] = [
      ...definedCalls(mentions, recent),
      ...this.#casts.calledBy(touched, mentions, context),
      ...this.#domains.calledBy(touched, mentions),
    ]
    for (const name of mentions.functions) {
      for (const routine of this.#routines.get(name) ?? []) {
        // The bare name of one that the server does not have stands for itself.
        const isOverload = routine.isNamesake || builtinFunctions.has(name)
        if (routine.isOfExtension || !isOverload || !isVisible(routine)) continue
        if (applies(routine.argumentTypes)) calls.push(nameOf(routine))
      }
    }
    for (const [name, since] of mentions.syntax) {
      if (this.rows.majorVersion >= since) continue
      for (const routine of this.#routines.get(name) ?? []) {
        if (isVisible(routine)) calls.push(nameOf(routine))
      }
    }
    for (const name of mentions.operators) {
      for (const operator of this.#operators.get(name) ?? []) {
        if (isVisible(operator) && applies(operator.operandTypes)) calls.push(nameOf(operator))
      }
    }
    for (const { name, of, relations } of mentions.attributes) {
      if (this.#areColumns(name, relations)) continue
      for (const routine of this.#routines.get(name) ?? []) {
        if (!routine.takesOne || !isVisible(routine)) continue
        if (of === 'value' || this.#takesRow(routine)) calls.push(nameOf(routine))
      }
      calls.push(...this.#domains.ofTypesNamed(name, isVisible))
    }
    return calls
  }

  /** A value of this type is at hand, or may be made of one by a cast that nobody asks for. */
  #isReached(type: number | null, touched: TouchedTypes): boolean {
    return type !== null && (touched.has(type) || this.#casts.isMadeSilently(type))
  }

  /** Every relation of these names has a column of that name, which a function of it never hides. */
  #areColumns(name: string, relations: readonly (readonly string[])[]): boolean {
    const having = this.#namesakes.get(name)
    if (having === undefined || relations.length === 0) return false
    return relations.every((parts) => {
      const found = this.#types.relationsNamed(qualifiedName(parts.slice(-2)))
      return found?.every(({ relation }) => relation !== null && having.has(relation)) === true
    })
  }

  /** Its first argument may be the row of a table: of a composite type, or of any. */
  #takesRow({ argumentTypes: [first] }: RoutineRow): boolean {
    if (first === undefined) return true
    const argument = this.#types.ofArgument(first)
    if (argument === null) return polymorphic.has(first) || this.#casts.takesRows(first)
    return this.#types.get(argument)?.kind === 'c' || this.#casts.takesRows(argument)
  }
}

/** Of pg_type.dat: record, and what stands for any type. */
const polymorphic: ReadonlySet<number> = new Set([2249, 2276, 2283, 2776, 5077, 5079])

function nameOf({ schema, name }: { readonly schema: string; readonly name: string }): string {
  return qualifiedName([schema, name])
}

/** What the text itself or another session's transaction has defined under a name that the text uses. */
function definedCalls(mentions: Mentions, { names }: Definitions): readonly string[] {
  const defined = new Map(names)
  for (const parts of mentions.defined) defined.set(parts.at(-1) ?? '', qualifiedName(parts))
  if (defined.size === 0) return []
  const used = [
    ...[...mentions.functions].filter((name) => builtinFunctions.has(name)),
    ...mentions.syntax.keys(),
    ...mentions.operators,
    ...mentions.attributes.map(({ name }) => name),
    ...mentions.types.map((parts) => parts.at(-1) ?? ''),
  ]
  return used.map((name) => defined.get(name)).filter((each) => each !== undefined)
}
