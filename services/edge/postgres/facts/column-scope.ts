import { namesOf } from './names.ts'
import type { Message } from './options.ts'

/** Where names are looked up, from the inside out. */
export interface Scope {
  /** Names of a WITH clause; those are no relations. */
  readonly names: Set<string>
  /** Items of a FROM clause by the name that columns are qualified with; null where the scope is of a WITH clause only. */
  readonly sources: Sources | null
  /** An item of a FROM clause sees only some of the others; which ones is not told here. */
  readonly isInFrom: boolean
  readonly parent: Scope | null
}

export type Sources = ReadonlyMap<string, Source>

/** What an item of a FROM clause stands for. */
interface Source {
  /** The relations whose columns it may show; empty for a subquery, a function or a name of a WITH clause. */
  readonly relations: readonly (readonly string[])[]
  /** Its columns have names of their own, `FROM t AS x (a, b)`: which one is meant is not known. */
  readonly isRenamed: boolean
  /** Its name stands for a row; a function may answer a plain value. */
  readonly isRow: boolean
  /** Inside a join with a name of its own, it has none outside of the conditions there. */
  readonly isHidden: boolean
}

/** A column, null for all of the relation. */
export interface ColumnOfRelation {
  readonly relation: readonly string[]
  readonly column: string | null
}

export function sourcesOf(items: readonly unknown[], scope: Scope | null): Sources {
  const sources = new Map<string, Source>()
  for (const item of items) addItem(sources, item, scope)
  return sources
}

/**
 * Of a statement that writes: the relation itself, first, and what else it looks at. RETURNING calls its rows `old` and `new`;
 * `excluded` is what would have been inserted, and no row of it.
 */
export function sourcesOfWrite(
  relation: Message,
  items: readonly unknown[],
  scope: Scope | null,
): Sources {
  // A name of a WITH clause is never what is written.
  const sources = new Map(sourcesOf([{ RangeVar: relation }], null))
  const [target] = sources.values()
  for (const item of items) addItem(sources, item, scope)
  const rows = {
    old: target,
    new: target,
    excluded: { relations: [], isRenamed: false, isRow: true, isHidden: false },
  }
  for (const [name, source] of Object.entries(rows)) {
    const isTaken = named(sources, name).some(({ isHidden }) => !isHidden)
    if (source !== undefined && !isTaken) sources.set(uniqueName(sources, name), source)
  }
  return sources
}

/** Adds an item and gives the relations in it, and whether any of their columns has another name there. */
function addItem(
  sources: Map<string, Source>,
  item: unknown,
  scope: Scope | null,
  isHidden = false,
): Pick<Source, 'relations' | 'isRenamed'> {
  const [type, body] = Object.entries((item ?? {}) as Record<string, Message>)[0] ?? []
  if (type === undefined || body === undefined) return { relations: [], isRenamed: false }
  const alias = body['alias'] as Message | undefined
  const aliasName = alias === undefined ? null : String(alias['aliasname'])
  const hasNames = alias?.['colnames'] !== undefined
  if (type === 'RangeTableSample') return addItem(sources, body['relation'], scope, isHidden)
  if (type === 'JoinExpr') {
    const using = body['join_using_alias'] as Message | undefined
    const usingName = using === undefined ? null : String(using['aliasname'])
    const isInside = isHidden || aliasName !== null
    const left = addItem(sources, body['larg'], scope, isInside)
    const right = addItem(sources, body['rarg'], scope, isInside)
    const relations = [...left.relations, ...right.relations]
    const isRenamed = hasNames || left.isRenamed || right.isRenamed
    for (const name of [aliasName, usingName]) {
      if (name === null) continue
      const isHere = isHidden || (name === usingName && aliasName !== null)
      const source = { relations, isRenamed, isRow: true, isHidden: isHere }
      sources.set(uniqueName(sources, name), source)
    }
    return { relations, isRenamed }
  }
  const relations = type === 'RangeVar' ? relationsOf(body, scope) : []
  const name = aliasName ?? (type === 'RangeVar' ? String(body['relname']) : null)
  // Items without a name of their own are in the way of nothing.
  if (name !== null) {
    const isRow = type !== 'RangeFunction'
    const source = { relations, isRenamed: hasNames, isRow, isHidden }
    sources.set(uniqueName(sources, name), source)
  }
  return { relations, isRenamed: hasNames }
}

/** `FROM a.t, b.t` is one name for two relations: both are kept, and a column of it may be of either. */
function uniqueName(sources: Map<string, Source>, name: string): string {
  let unique = name
  while (sources.has(unique)) unique += '\0'
  return unique
}

function relationsOf(range: Message, scope: Scope | null): readonly (readonly string[])[] {
  const name = String(range['relname'])
  const schema = range['schemaname']
  if (typeof schema === 'string') return [[schema, name]]
  for (let here = scope; here !== null; here = here.parent) if (here.names.has(name)) return []
  return [[name]]
}

/**
 * Every column that a reference may mean, without knowing which columns there are: a bare name may be of any relation around it.
 * Null in the answer is a column of something that is not seen.
 */
export function columnsOfReference(
  fields: readonly unknown[],
  scope: Scope | null,
): readonly (ColumnOfRelation | null)[] {
  const isStar = (fields.at(-1) as Message | undefined)?.['A_Star'] !== undefined
  const names = namesOf(isStar ? fields.slice(0, -1) : fields) ?? []
  const levels = levelsWithSources(scope)
  if (levels.length === 0) return [null]
  const column = isStar ? null : (names.at(-1) ?? null)
  const qualifier = isStar ? names : names.slice(0, -1)
  if (qualifier.length === 0) {
    return column === null
      ? columnsOf([...(levels[0]?.sources.values() ?? [])], null)
      : bareColumns(column, levels)
  }
  const sources = qualifiedSources(qualifier, levels)
  return sources === null ? [null] : columnsOf(sources, column)
}

/** What `qualifier` stands for in `qualifier.name`; null where it is not seen, or is the name of several. */
export function sourceOfReference(
  qualifier: readonly string[],
  scope: Scope | null,
): { readonly relations: readonly (readonly string[])[]; readonly isRow: boolean } | null {
  const found = qualifiedSources(qualifier, levelsWithSources(scope)) ?? []
  const [source] = found
  if (source === undefined || found.some(({ isRow }) => !isRow)) return null
  const isKnown = found.every(({ relations, isRenamed }) => relations.length > 0 && !isRenamed)
  return { relations: isKnown ? found.flatMap(({ relations }) => relations) : [], isRow: true }
}

interface Level extends Scope {
  readonly sources: Sources
}

function levelsWithSources(scope: Scope | null): readonly Level[] {
  const levels: Level[] = []
  for (let here = scope; here !== null; here = here.parent) {
    if (hasSources(here)) levels.push(here)
  }
  return levels
}

function hasSources(scope: Scope): scope is Level {
  return scope.sources !== null
}

/** A column of any item, of this query or of one around it; or all of an item, whose name stands for its row. */
function bareColumns(name: string, levels: readonly Level[]): readonly ColumnOfRelation[] {
  return levels.flatMap(({ sources }) => [
    ...columnsOf([...sources.values()], name),
    ...columnsOf(named(sources, name), null),
  ])
}

function named(sources: Sources, name: string): readonly Source[] {
  return [...sources]
    .filter(([key]) => key.replace(/\0+$/, '') === name)
    .map(([, source]) => source)
}

/** The sources of this name, from the inside out, up to where the name surely means one; null where nothing has it. */
function qualifiedSources(
  qualifier: readonly string[],
  levels: readonly Level[],
): readonly Source[] | null {
  const [table, schema] = [qualifier.at(-1) ?? '', qualifier.at(-2)]
  const all: Source[] = []
  for (const { sources, isInFrom } of levels) {
    const found =
      schema === undefined
        ? named(sources, table)
        : [...sources.values()].filter(({ relations }) =>
            relations.some(([first, second]) => first === schema && second === table),
          )
    all.push(...found)
    if (!isInFrom && found.some(({ isHidden }) => !isHidden)) return all
  }
  return all.length === 0 ? null : all
}

function columnsOf(sources: readonly Source[], column: string | null): readonly ColumnOfRelation[] {
  return sources.flatMap(({ relations, isRenamed }) =>
    relations.map((relation) => ({ relation, column: isRenamed ? null : column })),
  )
}
