import type { MentionContext, Mentions } from '../facts/mentions.ts'
import { qualifiedName } from '../facts/names.ts'
import type { CastRow } from './routine-rows.ts'
import type { TouchedTypes } from './touched-types.ts'
import type { TypeGraph } from './type-graph.ts'

/** Casts that somebody has defined: those that run a function of theirs, and what values become without being asked to. */
export class CastCode {
  readonly #casts: readonly CastRow[]
  readonly #types: TypeGraph
  readonly #silent = new Set<number>()
  /** What rows become. */
  readonly #ofRows = new Set<number>()

  constructor(casts: readonly CastRow[], types: TypeGraph) {
    this.#casts = casts.filter((cast) => cast.function !== null)
    this.#types = types
    for (const { source, target, context } of casts) {
      if (context !== 'implicit') continue
      this.#silent.add(target)
      if (types.get(source)?.kind === 'c') this.#ofRows.add(target)
    }
  }

  /** Values of other types become one of this type wherever one is wanted. */
  isMadeSilently(type: number): boolean {
    return this.#silent.has(type)
  }

  /** A row becomes one of this type. */
  takesRows(type: number): boolean {
    return this.#ofRows.has(type)
  }

  calledBy(touched: TouchedTypes, mentions: Mentions, context: MentionContext): readonly string[] {
    if (this.#casts.length === 0) return []
    const isAtRest = mentions.isEmpty && context.relations.size === 0 && !context.isWriting
    if (isAtRest) return []
    const isNamed = (name: string): boolean =>
      mentions.types.some((parts) => parts.at(-1) === name) || mentions.functions.has(name)
    const makesJson = [...mentions.functions, ...mentions.syntax.keys()].some((name) =>
      name.includes('json'),
    )
    return this.#casts
      .filter(({ source, target, targetName, context: asked }) => {
        // What makes JSON of a value asks for its cast, however that was made.
        const isAsked = asked !== 'explicit' || (makesJson && jsonTypes.has(target))
        const ofUsers = [source, target].filter((oid) => this.#types.get(oid) !== undefined)
        const isAtHand = ofUsers.length === 0 || ofUsers.some((oid) => touched.has(oid))
        return isAtHand && (isAsked || isNamed(targetName))
      })
      .map((cast) => qualifiedName(cast.function ?? []))
  }
}

/** Of pg_type.dat: json and jsonb. */
const jsonTypes: ReadonlySet<number> = new Set([114, 3802])
