import { qualifiedName } from '../facts/names.ts'
import type { RoutineRows, TypeRow } from './routine-rows.ts'

/** The types of a target's users: what they are made of, and which relations have columns of them. */
export class TypeGraph {
  readonly #types = new Map<number, TypeRow>()
  readonly #byName: ReadonlyMap<string, readonly TypeRow[]>
  readonly #ofRelation = new Map<number, Set<number>>()
  readonly #made = new Map<number, readonly number[]>()
  readonly #relations: ReadonlyMap<string, readonly TypeRow[]>

  constructor({ types, columns }: Pick<RoutineRows, 'types' | 'columns'>) {
    this.#byName = Map.groupBy(types, ({ name }) => name)
    const rows = types.filter(({ relation }) => relation !== null)
    this.#relations = new Map([
      ...Map.groupBy(rows, ({ name }) => qualifiedName([name])),
      ...Map.groupBy(rows, ({ schema, name }) => qualifiedName([schema, name])),
    ])
    for (const type of types) {
      this.#types.set(type.oid, type)
      if (type.relation !== null) this.#ofRelation.set(type.relation, new Set([type.oid]))
    }
    for (const { relation, type } of columns) this.#ofRelation.get(relation)?.add(type)
  }

  get(oid: number): TypeRow | undefined {
    return this.#types.get(oid)
  }

  /** Types by the last part of their name. */
  named(name: string): readonly TypeRow[] {
    return this.#byName.get(name) ?? []
  }

  /** Relations by their name as facts write it, as the types of their rows; null where there is none. */
  relationsNamed(name: string): readonly TypeRow[] | null {
    return this.#relations.get(name) ?? null
  }

  /** As facts write it; null for one that is not known. */
  nameOfRelation(relation: number): string | null {
    const [type] = this.#ofRelation.get(relation) ?? []
    const row = type === undefined ? undefined : this.#types.get(type)
    return row === undefined ? null : qualifiedName([row.schema, row.name])
  }

  /**
   * The types of users that an argument of this type stands for: a domain is what it is made of, an array its elements. Null for
   * one of the server's own, which every statement may have a value of.
   */
  ofArgument(oid: number): number | null {
    const type = this.#types.get(oid)
    if (type === undefined) return null
    if (type.of !== null && (type.kind === 'd' || type.kind === 'b'))
      return this.ofArgument(type.of)
    return oid
  }

  /** Making a value of the type makes some of others, by the parts of their names. */
  addPart(oid: number, names: readonly (readonly string[])[]): void {
    const made = names.flatMap((parts) =>
      this.named(parts.at(-1) ?? '').filter(({ schema }) => schema === parts.at(-2)),
    )
    this.#made.set(oid, [...(this.#made.get(oid) ?? []), ...made.map((type) => type.oid)])
  }

  /** Adds the type and everything that a value of it is made of. */
  addParts(oid: number, parts: Set<number>): void {
    const type = this.#types.get(oid)
    if (type === undefined || parts.has(oid)) return
    parts.add(oid)
    if (type.of !== null) this.addParts(type.of, parts)
    for (const part of this.#made.get(oid) ?? []) this.addParts(part, parts)
    if (type.relation === null) return
    for (const part of this.#ofRelation.get(type.relation) ?? []) this.addParts(part, parts)
  }
}
