import type { Grammar } from '../facts/grammar.ts'
import { qualifiedName } from '../facts/names.ts'
import { projectionOf } from './projection.ts'
import type { ShownColumn } from './shown-columns.ts'

/** A relation that holds or shows rows, with its columns in order. */
export interface NamedRelation {
  readonly schema: string
  readonly relation: string
  readonly columns: readonly string[]
}

/** A view or materialised view; its definition names every schema but `pg_catalog`. */
export interface DefinedView extends NamedRelation {
  readonly definition: string
}

/**
 * The columns of a view whose mask does not follow from that of the columns it shows: what comes out of functions or out of the
 * server's own catalog, and all of a view that is not understood. Only a classification of their own says what they are. A count or
 * a constant tells no more than the view's definition, which everybody reads.
 */
export class UncoveredViews {
  readonly #grammar: Grammar
  readonly #columns = new Map<string, readonly (readonly string[])[]>()
  readonly #read = new Set<string>()

  /** `relations`: every table and view that may be classified. */
  constructor(grammar: Grammar, relations: readonly NamedRelation[]) {
    this.#grammar = grammar
    for (const { schema, relation, columns } of relations) {
      const name = qualifiedName([schema, relation])
      this.#columns.set(name, [columns])
      for (const column of columns) this.#read.add(`${name}.${qualifiedName([column])}`)
    }
  }

  columnsOf({ definition, columns }: DefinedView): readonly string[] {
    const text = definition.replace(/;\s*$/, '')
    const shown = projectionOf(this.#grammar, text, {
      columnsNamed: (relation) => this.#columns.get(qualifiedName(relation)) ?? [],
    })
    return columns.filter((_column, place) => !this.#isCovered(shown?.columns?.[place]))
  }

  #isCovered(column: ShownColumn | undefined): boolean {
    if (column === undefined || column.isUnknown) return false
    return [...column.reads].every((read) => this.#read.has(read))
  }
}
