import type { Mentions } from '../facts/mentions.ts'
import type { RoutineRows } from './routine-rows.ts'
import type { TouchedTypes } from './touched-types.ts'
import type { TypeGraph } from './type-graph.ts'

/** The functions that an expression calls which are not known to be free of effects, and the types that it names. */
export type CodeOfExpression = (expression: string) => {
  readonly calls: readonly string[]
  readonly types: readonly (readonly string[])[]
}

/** What making a value of a type runs: the CHECK constraints of domains, also of those inside it. */
export class DomainCode {
  readonly #types: TypeGraph
  readonly #calls = new Map<number, readonly string[]>()

  constructor(checks: RoutineRows['checks'], types: TypeGraph, codeOf: CodeOfExpression) {
    this.#types = types
    for (const { type, expression } of checks) {
      const { calls, types: named } = codeOf(expression)
      // A check that makes values of other types runs what those check.
      types.addPart(type, named)
      if (calls.length > 0) this.#calls.set(type, [...(this.#calls.get(type) ?? []), ...calls])
    }
  }

  calledBy(touched: TouchedTypes, { functions }: Mentions): readonly string[] {
    if (this.#calls.size === 0) return []
    // Rows that are read were checked when they were written.
    if (![...functions].some((name) => populating.has(name))) return this.#of(touched.named)
    return [...this.#calls].flatMap(([type, calls]) => (touched.has(type) ? calls : []))
  }

  /** `(x).name`, where `name` is a type, makes a value of it. */
  ofTypesNamed(
    name: string,
    isVisible: (of: { readonly schema: string }) => boolean,
  ): readonly string[] {
    if (this.#calls.size === 0) return []
    const parts = new Set<number>()
    for (const type of this.#types.named(name)) {
      if (isVisible(type)) this.#types.addParts(type.oid, parts)
    }
    return this.#of(parts)
  }

  #of(types: ReadonlySet<number>): readonly string[] {
    return [...types].flatMap((type) => this.#calls.get(type) ?? [])
  }
}

/** Make values of the type of their argument, or of parts of it, from something else. */
const populating: ReadonlySet<string> = new Set([
  'json_populate_record',
  'json_populate_recordset',
  'jsonb_populate_record',
  'jsonb_populate_record_valid',
  'jsonb_populate_recordset',
])
