import type { PolicyRule } from '../../../../schemas/policy.ts'
import type { Located, Problem } from '../../../../schemas/validated-document.ts'
import { closestName } from './closest-name.ts'
import { splitColumn } from './column-names.ts'
import { compilePatterns } from './pattern.ts'
import { compileRelations, isBare } from './relation-names.ts'

/** The relations of a target, as `schema.relation`, each with its columns. */
export type Catalog = ReadonlyMap<string, ReadonlySet<string>>

/**
 * Relations and columns that rules name and a target does not have. Only where a rule is about that target alone: another of its
 * targets may have them. Patterns have to match something.
 */
export function checkAgainstCatalog(
  rules: readonly PolicyRule[],
  at: Located<unknown>['at'],
  target: string,
  catalog: Catalog,
): readonly Problem[] {
  const problems: Problem[] = []
  rules.forEach((rule, index) => {
    if (!compilePatterns(rule.targets).matches(target)) return
    const isOnlyHere = rule.targets.every((name) => name === target)
    for (const access of ['read', 'write'] as const) {
      rule.relations?.[access]?.forEach((pattern, place) => {
        const message = problemOfRelation(pattern, target, catalog)
        if (message !== null && (isOnlyHere || !pattern.includes('*'))) {
          problems.push(at(['rules', index, 'relations', access, place], message))
        }
      })
      rule.columns?.[access]?.forEach((pattern, place) => {
        const message = problemOfColumn(pattern, target, catalog)
        if (message !== null && (isOnlyHere || !pattern.includes('*'))) {
          problems.push(at(['rules', index, 'columns', access, place], message))
        }
      })
    }
  })
  return problems
}

function problemOfRelation(pattern: string, target: string, catalog: Catalog): string | null {
  if (isOfServer(pattern) || relationsLike(pattern, catalog).length > 0) return null
  if (pattern.includes('*')) return `no relation of ${target} is like ${pattern}`
  return `${target} has no relation ${pattern}${hint(pattern, catalog.keys())}`
}

function problemOfColumn(pattern: string, target: string, catalog: Catalog): string | null {
  const [relation, column] = splitColumn(pattern)
  if (isOfServer(relation)) return null
  const relations = relationsLike(relation, catalog)
  if (relations.length === 0) return problemOfRelation(relation, target, catalog)
  const columns = relations.flatMap((name) => [...(catalog.get(name) ?? [])])
  const isLike = compilePatterns([column])
  if (columns.some((name) => isLike.matches(name))) return null
  if (pattern.includes('*')) return `no column of ${target} is like ${pattern}`
  return `${relations[0] ?? relation} of ${target} has no column ${column}${hint(column, columns)}`
}

function relationsLike(pattern: string, catalog: Catalog): readonly string[] {
  const bare = isBare(pattern) ? compileRelations([`*.${pattern}`]) : null
  const whole = compileRelations([pattern])
  return [...catalog.keys()].filter(
    (name) => whole.covers(name, []) || bare?.covers(name, []) === true,
  )
}

/** What every server has is not listed in a catalog. */
function isOfServer(name: string): boolean {
  return /^(pg_catalog|information_schema)[.]/.test(name)
}

function hint(name: string, known: Iterable<string>): string {
  const closest = closestName(name, known)
  return closest === null ? '' : `; did you mean ${closest}?`
}
