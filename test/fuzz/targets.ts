import { readdirSync } from 'node:fs'
import { basename } from 'node:path'

export interface NamedTarget {
  readonly name: string
  /** A URL. */
  readonly module: string
}

/** The targets whose name is or begins with one of these (`framer` has two); all of them for none. Unknown names throw. */
export function targetsOf(names: readonly string[]): readonly NamedTarget[] {
  const folder = new URL('targets/', import.meta.url)
  const all = readdirSync(folder)
    .map((file) => ({ name: basename(file, '.ts'), module: new URL(file, folder).href }))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
  const isOf = ({ name }: NamedTarget, wanted: string): boolean =>
    name === wanted || name.startsWith(`${wanted}-`)
  const unknown = names.find((wanted) => !all.some((target) => isOf(target, wanted)))
  if (unknown !== undefined) {
    const known = all.map(({ name }) => name).join(', ')
    throw new RangeError(`there is no target ${unknown}; there are ${known}`)
  }
  return all.filter((target) => names.length === 0 || names.some((wanted) => isOf(target, wanted)))
}
