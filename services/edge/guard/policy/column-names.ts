import { compilePatterns } from './pattern.ts'
import { compileRelations, lastNameOf } from './relation-names.ts'
import type { RelationPatterns } from './relation-names.ts'

/** Patterns of columns, `relation.column`: both parts must match. A fact of `*` stands for columns that are not named. */
export function compileColumns(texts: readonly string[]): RelationPatterns {
  const patterns = texts.map((text) => {
    const [relation, column] = splitColumn(text)
    return { relations: compileRelations([relation]), columns: compilePatterns([column]) }
  })
  return {
    covers: (name, searchPath) => {
      const [relation, column] = splitColumn(name)
      return patterns.some(
        ({ relations, columns }) =>
          columns.matches(column) && relations.covers(relation, searchPath),
      )
    },
    touches: (name, searchPath) => {
      if (name === '*') return texts.length > 0
      const [relation, column] = splitColumn(name)
      return patterns.some(
        ({ relations, columns }) =>
          (column === '*' || columns.matches(column)) && relations.touches(relation, searchPath),
      )
    },
  }
}

/** The relation and the column of `relation.column`; `*` alone is any column of any relation. */
export function splitColumn(name: string): readonly [relation: string, column: string] {
  const column = lastNameOf(name)
  return column.length === name.length ? ['*', column] : [name.slice(0, -column.length - 1), column]
}
