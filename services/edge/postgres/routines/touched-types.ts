import type { MentionContext, Mentions } from '../facts/mentions.ts'
import type { TypeGraph } from './type-graph.ts'

/**
 * The types of users that a statement may have a value of: those it names, and those of the relations it is about with everything
 * in them. Where that is not known it may have one of every type: a function of a user answers what it likes, and a relation or a type
 * may be younger than the snapshot.
 */
export class TouchedTypes {
  /** By the statement's own words. */
  readonly named = new Set<number>()
  readonly #all = new Set<number>()
  readonly #isAny: boolean

  constructor(
    types: TypeGraph,
    mentions: Mentions,
    context: MentionContext,
    isOpaque: boolean,
    isVisible: (of: { readonly schema: string }) => boolean,
  ) {
    for (const parts of mentions.types) {
      const schema = parts.at(-2)
      for (const type of types.named(parts.at(-1) ?? '')) {
        const isMeant = schema === undefined ? isVisible(type) : type.schema === schema
        if (isMeant) types.addParts(type.oid, this.named)
      }
    }
    for (const oid of mentions.parameterTypes) types.addParts(oid, this.named)
    for (const oid of this.named) this.#all.add(oid)
    let isAny = isOpaque || mentions.parameterTypes.some((oid) => types.get(oid) === undefined)
    for (const relation of context.relations) {
      if (relation.startsWith('pg_catalog.') || relation.startsWith('information_schema.')) continue
      const rows = types.relationsNamed(relation)
      if (rows === null) isAny = true
      for (const { oid } of rows ?? []) types.addParts(oid, this.#all)
    }
    this.#isAny = isAny
  }

  has(type: number): boolean {
    return this.#isAny || this.#all.has(type)
  }
}
