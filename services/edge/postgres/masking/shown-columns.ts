import { qualifiedName } from '../facts/names.ts'

/** What a value may tell: columns as facts write them, `relation.column`; and whether it may tell more than anybody here knows. */
export interface Shown {
  readonly reads: ReadonlySet<string>
  readonly isUnknown: boolean
}

/** A column of an answer, of a subquery or of an item of FROM. */
export interface ShownColumn extends Shown {
  /** Null where the server makes the name up. */
  readonly name: string | null
  /** The value of one column as it is stored, however many subqueries hand it on. */
  readonly isPlain: boolean
}

export const nothing: Shown = { reads: new Set(), isUnknown: false }
export const anything: Shown = { reads: new Set(), isUnknown: true }

export function allOf(parts: readonly Shown[]): Shown {
  const [first = nothing, ...more] = parts
  if (more.length === 0) return first
  return {
    reads: new Set(parts.flatMap(({ reads }) => [...reads])),
    isUnknown: parts.some(({ isUnknown }) => isUnknown),
  }
}

/** An item of FROM, by the name that columns are qualified with. */
export interface Source {
  readonly name: string | null
  /** Only of a relation that has no alias. */
  readonly schema: string | null
  /** In order, as `*` has them; null where they are not known. */
  readonly columns: readonly ShownColumn[] | null
  /** Its row as one value. */
  readonly whole: Shown
  /** What may be its column of this name; null when there is none. */
  find(name: string): ShownColumn | null
  /** Whether it has a column of this name for certain. */
  has(name: string): boolean
}

/** A FROM clause, or a part of one: what may be named in it, and what its `*` stands for. */
export interface Sources {
  readonly all: readonly Source[]
  readonly columns: readonly ShownColumn[] | null
}

export const noSources: Sources = { all: [], columns: [] }

/** Items side by side. */
export function beside(one: Sources, other: Sources): Sources {
  return {
    all: [...one.all, ...other.all],
    columns: one.columns && other.columns && [...one.columns, ...other.columns],
  }
}

export function only(source: Source): Sources {
  return { all: [source], columns: source.columns }
}

/** What has exactly these columns. `names` are those of its alias, for the first of them. */
export function sourceOf(
  name: string | null,
  columns: readonly ShownColumn[],
  names: readonly string[] = [],
  schema: string | null = null,
): Source {
  const named = columns.map((column, place) => {
    const renamed = names[place]
    return renamed === undefined ? column : { ...column, name: renamed }
  })
  return {
    name,
    schema,
    columns: named,
    // Seldom asked for, and of many columns.
    get whole() {
      return allOf(named)
    },
    find: (each) => among(named, each),
    has: (each) => named.some((column) => column.name === each),
  }
}

/** What may have columns of any name, each of which may tell all of this. */
export function openSource(name: string | null, whole: Shown): Source {
  const find = (column: string): ShownColumn => ({ ...whole, name: column, isPlain: false })
  return { name, schema: null, columns: null, whole, find, has: () => false }
}

/** One of several relations that a bare name may stand for: a column may be of each that has it, and `*` is not known. */
export function ambiguousSource(
  name: string | null,
  relation: readonly string[],
  candidates: readonly (readonly string[])[],
): Source {
  const names = new Set(candidates.flat())
  const column = (each: string): ShownColumn => storedColumn(relation, each)
  return {
    name,
    schema: null,
    columns: null,
    whole: allOf([...names].map(column)),
    find: (each) => (names.has(each) ? column(each) : null),
    has: (each) => candidates.every((columns) => columns.includes(each)),
  }
}

export function storedColumn(relation: readonly string[], name: string): ShownColumn {
  const read = `${qualifiedName(relation)}.${qualifiedName([name])}`
  return { name, reads: new Set([read]), isUnknown: false, isPlain: true }
}

/** The column by this name of any of the sources: one that USING merges is of both sides. Null when none has it. */
export function find(sources: readonly Source[], name: string): ShownColumn | null {
  const found = sources.map((source) => source.find(name)).filter((each) => each !== null)
  return found.length === 0 ? null : merged(name, found)
}

/** A join, whose `*` has the columns that both sides share first and once. Null names: those that happen to be shared. */
export function joined(left: Sources, right: Sources, using: readonly string[] | null): Sources {
  const sides = beside(left, right)
  const names = using ?? sharedNames(left, right)
  if (sides.columns === null || names === null) return { ...sides, columns: null }
  const shared = names.map((name) => find(sides.all, name))
  if (shared.some((each) => each === null)) return { ...sides, columns: null }
  const rest = sides.columns.filter(({ name }) => name === null || !names.includes(name))
  return { ...sides, columns: [...shared.filter((each) => each !== null), ...rest] }
}

function sharedNames(left: Sources, right: Sources): readonly string[] | null {
  const sides = [left.columns, right.columns].map((columns) => columns?.map(({ name }) => name))
  const [ofLeft, ofRight] = sides
  if (ofLeft === undefined || ofRight === undefined) return null
  if (ofLeft.includes(null) || ofRight.includes(null)) return null
  return ofLeft.filter((name) => name !== null && ofRight.includes(name)) as string[]
}

/** The rows of one query or of another. Null when their columns are not known, or are not as many. */
export function either(
  one: readonly ShownColumn[] | null,
  other: readonly ShownColumn[] | null,
): readonly ShownColumn[] | null {
  if (one === null || other?.length !== one.length) return null
  return one.map((column, place) => ({
    ...allOf([column, other[place] ?? anything]),
    name: column.name,
    isPlain: false,
  }))
}

/** A name that the server made up may be the one that is looked for. */
function among(columns: readonly ShownColumn[], name: string): ShownColumn | null {
  const named = columns.filter((column) => column.name === name)
  const found = named.length > 0 ? named : columns.filter((column) => column.name === null)
  return found.length === 0 ? null : merged(name, found)
}

function merged(name: string, found: readonly ShownColumn[]): ShownColumn {
  const [first] = found
  return { ...allOf(found), name, isPlain: found.length === 1 && first?.isPlain === true }
}
