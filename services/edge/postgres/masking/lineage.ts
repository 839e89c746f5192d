import { namesOf } from '../facts/names.ts'
import { asList } from '../facts/options.ts'
import type { Message } from '../facts/options.ts'
import { isCount, isOpaque, nameOf, nameOfFunction } from './expressions.ts'
import {
  allOf,
  ambiguousSource,
  anything,
  beside,
  either,
  find,
  joined,
  nothing,
  noSources,
  only,
  openSource,
  sourceOf,
  storedColumn,
} from './shown-columns.ts'
import type { Shown, ShownColumn, Source, Sources } from './shown-columns.ts'

/** What lineage needs of a catalog. */
export interface RelationColumns {
  /** The columns of every relation that this name may stand for, with its schema or without. */
  columnsNamed(relation: readonly string[]): readonly (readonly string[])[]
}

/**
 * What each column of a query's answer may tell, through subqueries, WITH, joins, set operations and `*`, by the rules of names of
 * PostgreSQL and the columns that the catalog has. Null where the columns are not known. Which rows there are is no column's: that
 * conditions tell of values is for whoever allows them; those inside an expression's subquery are the expression's.
 *
 * An upper bound: what is not understood is `isUnknown`, and a name that could mean several columns means all of them.
 */
export function lineageOf(
  select: Message,
  relations: RelationColumns,
): readonly ShownColumn[] | null {
  try {
    return new Lineage(relations, isOpaque({ SelectStmt: select })).query(select, {
      ctes: new Map(),
      outer: null,
    }).columns
  } catch (error) {
    // Too deep for the engine's stack, or more than anybody writes.
    if (error instanceof RangeError) return null
    throw error
  }
}

/** Names of WITH clauses; null for one whose columns are not known. */
type Ctes = ReadonlyMap<string, readonly ShownColumn[] | null>

interface Scope {
  readonly sources: readonly Source[]
  readonly outer: Scope | null
}

/** What a part of a query sees around it. */
interface Around {
  readonly ctes: Ctes
  readonly outer: Scope | null
}

interface Query {
  readonly columns: readonly ShownColumn[] | null
  /** Everything that decides which rows there are. */
  readonly conditions: Shown
}

const mostRounds = 20
/** Columns, items and nodes that are looked at for one text: some 0.1 s. */
const mostSteps = 100_000

class Lineage {
  readonly #relations: RelationColumns
  /** Conditions of the FROM clauses that are being looked at. */
  #conditions: Shown[] = []
  #steps = 0
  /** Whether any part of the text is opaque. */
  readonly #hasOpaque: boolean

  constructor(relations: RelationColumns, hasOpaque: boolean) {
    this.#relations = relations
    this.#hasOpaque = hasOpaque
  }

  query(body: Message, around: Around): Query {
    const kept = this.#conditions
    this.#conditions = []
    const columns = this.#columns(body, around)
    this.#charge(columns?.length ?? 0)
    const conditions = allOf(this.#conditions)
    this.#conditions = kept
    return { columns, conditions }
  }

  #columns(body: Message, before: Around): readonly ShownColumn[] | null {
    const around = { ...before, ctes: this.#with(body['withClause'], before) }
    const { larg, rarg, valuesLists } = body
    if (larg !== undefined && rarg !== undefined) {
      for (const bound of bounds) this.#conditions.push(this.#expression(body[bound], around))
      const [one, other] = [larg, rarg].map((arm) => this.query(arm as Message, around))
      this.#conditions.push(one?.conditions ?? anything, other?.conditions ?? anything)
      return either(one?.columns ?? null, other?.columns ?? null)
    }
    if (valuesLists !== undefined) return this.#values(asList(valuesLists), around)
    const sources = this.#from(asList(body['fromClause']), around)
    const scope = { sources: sources.all, outer: around.outer }
    const inside = { ctes: around.ctes, outer: scope }
    const targets = asList(body['targetList']).map((target) =>
      this.#target(target, sources, inside),
    )
    const columns = targets.includes(null) ? null : targets.flatMap((each) => each ?? [])
    // What is sorted and grouped by may be called by its name in the answer.
    const answer = columns === null ? openSource(null, anything) : sourceOf(null, columns)
    const arranged = { sources: [...sources.all, answer], outer: around.outer }
    for (const clause of arranging) {
      this.#conditions.push(this.#expression(body[clause], { ctes: around.ctes, outer: arranged }))
    }
    for (const clause of ['whereClause', ...bounds]) {
      this.#conditions.push(this.#expression(body[clause], inside))
    }
    return columns
  }

  /** The columns that one item of a SELECT list stands for; null for a star of what is not known. */
  #target(target: unknown, sources: Sources, inside: Around): readonly ShownColumn[] | null {
    const { name, val } = (target as Record<string, Message>)['ResTarget'] ?? {}
    const [[type, body] = ['', {}]] = Object.entries((val ?? {}) as Record<string, Message>)
    const fields = asList(body['fields'] ?? body['indirection'])
    const isStar = 'A_Star' in ((fields.at(-1) ?? {}) as Message)
    if (isStar && type !== 'ColumnRef') return null
    if (isStar && fields.length === 1) return sources.columns
    if (isStar) {
      const [source, ...others] = this.#named(namesOf(fields.slice(0, -1)), inside.outer)
      return others.length > 0 ? null : (source?.columns ?? null)
    }
    const column = type === 'ColumnRef' ? this.#reference(fields, inside.outer) : null
    const shown = column ?? this.#expression(val, inside)
    return [
      {
        ...(column === null && this.#isOpaque(target) ? anything : shown),
        name: typeof name === 'string' ? name : nameOf(type, body),
        isPlain: column?.isPlain === true,
      },
    ]
  }

  #values(rows: readonly unknown[], around: Around): readonly ShownColumn[] | null {
    const lists = rows.map((row) => asList((row as Record<string, Message>)['List']?.['items']))
    const shownBy = (value: unknown): Shown =>
      this.#isOpaque(value) ? anything : this.#expression(value, around)
    return (lists[0] ?? []).map((_, place) => {
      const shown = allOf(lists.map((list) => shownBy(list[place])))
      return { ...shown, name: `column${place + 1}`, isPlain: false }
    })
  }

  #with(clause: unknown, before: Around): Ctes {
    if (typeof clause !== 'object' || clause === null) return before.ctes
    const { ctes, recursive } = clause as Message
    const known = new Map(before.ctes)
    const tables = asList(ctes).map(
      (cte) => (cte as Record<string, Message>)['CommonTableExpr'] ?? {},
    )
    // With RECURSIVE it may look ahead.
    if (recursive === true) for (const table of tables) known.set(String(table['ctename']), null)
    for (const table of tables) {
      const name = String(table['ctename'])
      const columns = this.#cte(name, table, { ...before, ctes: known }, recursive === true)
      const names = namesOf(table['aliascolnames']) ?? []
      known.set(name, columns && (sourceOf(name, columns, names).columns ?? null))
    }
    return known
  }

  #cte(
    name: string,
    table: Message,
    around: Around,
    isRecursive: boolean,
  ): readonly ShownColumn[] | null {
    const body = (table['ctequery'] as Record<string, Message> | undefined)?.['SelectStmt']
    const isExtended = table['search_clause'] !== undefined || table['cycle_clause'] !== undefined
    if (body === undefined || isExtended) return null
    const arms = body['larg'] as Message | undefined
    if (!isRecursive || arms === undefined) return this.#counted(this.query(body, around))
    const names = namesOf(table['aliascolnames']) ?? []
    let columns = this.query(arms, around).columns
    // What a column tells only grows, until a round adds nothing.
    for (let round = 0; columns !== null && round < mostRounds; round += 1) {
      const ctes = new Map(around.ctes).set(name, sourceOf(name, columns, names).columns)
      const query = this.query(body, { ...around, ctes })
      const next = either(columns, query.columns)
      if (next !== null && sizeOf(next) === sizeOf(columns)) {
        return this.#counted({ ...query, columns: next })
      }
      columns = next
    }
    return null
  }

  #counted({ columns, conditions }: Query): readonly ShownColumn[] | null {
    this.#conditions.push(conditions)
    return columns
  }

  /** A LATERAL item sees those before it. */
  #from(items: readonly unknown[], around: Around): Sources {
    return items.reduce<Sources>(
      (before, item) => beside(before, this.#item(item, before, around)),
      noSources,
    )
  }

  #item(item: unknown, before: Sources, around: Around): Sources {
    const [[type, body] = ['', {}]] = Object.entries((item ?? {}) as Record<string, Message>)
    const alias = body['alias'] as Message | undefined
    const name = alias === undefined ? null : String(alias['aliasname'])
    const names = namesOf(alias?.['colnames']) ?? []
    this.#charge(before.all.length + (before.columns?.length ?? 0))
    const lateral = { ctes: around.ctes, outer: { sources: before.all, outer: around.outer } }
    switch (type) {
      case 'RangeVar':
        return only(this.#relation(body, name, names, around.ctes))
      case 'RangeTableSample':
        // How much of it there is.
        for (const part of ['args', 'repeatable']) {
          this.#conditions.push(this.#expression(body[part], lateral))
        }
        return this.#item(body['relation'], before, around)
      case 'RangeSubselect': {
        const select = (body['subquery'] as Record<string, Message> | undefined)?.['SelectStmt']
        if (select === undefined) return only(openSource(name, anything))
        const columns = this.#counted(
          this.query(select, body['lateral'] === true ? lateral : around),
        )
        return only(columns === null ? openSource(name, anything) : sourceOf(name, columns, names))
      }
      case 'JoinExpr':
        return this.#join(body, name, names, before, around)
      default: {
        // Functions, XMLTABLE and JSON_TABLE: rows made of what they are given.
        const shown = this.#expression(body, lateral)
        return only(
          openSource(name ?? nameOfFunction(body), this.#isOpaque(item) ? anything : shown),
        )
      }
    }
  }

  #join(
    body: Message,
    name: string | null,
    names: readonly string[],
    before: Sources,
    around: Around,
  ): Sources {
    const left = this.#item(body['larg'], before, around)
    const right = this.#item(body['rarg'], beside(before, left), around)
    const using = body['usingClause'] === undefined ? [] : (namesOf(body['usingClause']) ?? [])
    const both = joined(left, right, body['isNatural'] === true ? null : using)
    // Its condition sees the two sides, and not what stands before them in FROM.
    const scope = { sources: both.all, outer: around.outer }
    this.#conditions.push(this.#expression(body['quals'], { ctes: around.ctes, outer: scope }))
    for (const each of using) this.#conditions.push(find(both.all, each) ?? anything)
    if (body['isNatural'] === true) this.#conditions.push(...both.all.map(({ whole }) => whole))
    if (name !== null) {
      const columns = both.columns
      return only(
        columns === null
          ? openSource(name, allOf(both.all.map(({ whole }) => whole)))
          : sourceOf(name, columns, names),
      )
    }
    const shared = body['join_using_alias'] as Message | undefined
    if (shared === undefined) return both
    const columns = using.map((each) => find(both.all, each)).filter((each) => each !== null)
    return { ...both, all: [...both.all, sourceOf(String(shared['aliasname']), columns)] }
  }

  #relation(range: Message, alias: string | null, names: readonly string[], ctes: Ctes): Source {
    const relation = String(range['relname'])
    const schema = typeof range['schemaname'] === 'string' ? range['schemaname'] : null
    const name = alias ?? relation
    if (schema === null && ctes.has(relation)) {
      const columns = ctes.get(relation) ?? null
      return columns === null ? openSource(name, anything) : sourceOf(name, columns, names)
    }
    const parts = schema === null ? [relation] : [schema, relation]
    const [columns, ...others] = this.#relations.columnsNamed(parts)
    if (columns === undefined) return openSource(name, anything)
    if (others.length > 0) {
      const source = ambiguousSource(name, parts, [columns, ...others])
      return names.length === 0 ? source : openSource(name, source.whole)
    }
    const stored = columns.map((column) => storedColumn(parts, column))
    return sourceOf(name, stored, names, alias === null ? schema : null)
  }

  /** Everything that any reference in an expression may mean. */
  #expression(value: unknown, around: Around): Shown {
    if (typeof value !== 'object' || value === null) return nothing
    this.#charge(0)
    if (Array.isArray(value)) {
      return allOf((value as unknown[]).map((item) => this.#expression(item, around)))
    }
    const parts: Shown[] = []
    for (const [key, inner] of Object.entries(value as Record<string, Message>)) {
      if (key === 'ColumnRef') {
        parts.push(this.#reference(asList(inner['fields']), around.outer) ?? anything)
      } else if (key === 'SubLink') {
        parts.push(this.#subquery(inner, around))
      } else if (key === 'SelectStmt') {
        parts.push(this.#everything(inner, around))
      } else if (!(key === 'FuncCall' && isCount(inner))) {
        parts.push(this.#expression(inner, around))
      }
    }
    return allOf(parts)
  }

  /** EXISTS shows whether there are rows, and nothing of them. */
  #subquery(body: Message, around: Around): Shown {
    const select = (body['subselect'] as Record<string, Message> | undefined)?.['SelectStmt']
    if (select === undefined) return anything
    if (body['subLinkType'] === 'EXISTS_SUBLINK') return this.query(select, around).conditions
    return allOf([this.#everything(select, around), this.#expression(body['testexpr'], around)])
  }

  #everything(select: Message, around: Around): Shown {
    const { columns, conditions } = this.query(select, around)
    return columns === null ? anything : allOf([...columns, conditions])
  }

  /** The column or row that a reference means, from the inside out; null for what nothing here is called. */
  #reference(fields: readonly unknown[], scope: Scope | null): ShownColumn | null {
    const isStar = 'A_Star' in ((fields.at(-1) ?? {}) as Message)
    const names = namesOf(isStar ? fields.slice(0, -1) : fields)
    if (isStar) return rowOf(names === null ? (scope?.sources ?? []) : this.#named(names, scope))
    const last = names?.at(-1)
    if (names === null || last === undefined) return null
    if (names.length > 1) return find(this.#named(names.slice(0, -1), scope), last)
    const found: ShownColumn[] = []
    for (let here = scope; here !== null; here = here.outer) {
      const column = find(here.sources, last)
      if (column !== null) found.push(column)
      // What only may be a column of this name hides none further out.
      if (!here.sources.some((source) => source.has(last))) continue
      const [first] = found
      return { ...allOf(found), name: last, isPlain: found.length === 1 && first?.isPlain === true }
    }
    const rows = this.#named(names, scope)
    return found.length + rows.length === 0 ? null : rowOf([...rows, ...found.map(asRow)])
  }

  /** What may be called so; what has a name that is not known may be, too. */
  #named(qualifier: readonly string[] | null, scope: Scope | null): readonly Source[] {
    const [name, schema, ...more] = [...(qualifier ?? [])].reverse()
    if (name === undefined || more.length > 1) return []
    const found: Source[] = []
    for (let here = scope; here !== null; here = here.outer) {
      const called = here.sources.filter(
        (source) => source.name === name && (schema === undefined || source.schema === schema),
      )
      found.push(...called, ...here.sources.filter((source) => source.name === null))
      if (called.length > 0) return found
    }
    return []
  }

  #isOpaque(node: unknown): boolean {
    return this.#hasOpaque && isOpaque(node)
  }

  #charge(steps: number): void {
    this.#steps += 1 + steps
    if (this.#steps > mostSteps) throw new RangeError('a query with too many parts')
  }
}

function rowOf(sources: readonly Pick<Source, 'whole'>[]): ShownColumn {
  return { ...allOf(sources.map(({ whole }) => whole)), name: null, isPlain: false }
}

function asRow(whole: Shown): Pick<Source, 'whole'> {
  return { whole }
}

const arranging = ['havingClause', 'groupClause', 'distinctClause', 'windowClause', 'sortClause']
const bounds = ['limitOffset', 'limitCount']

function sizeOf(columns: readonly ShownColumn[]): number {
  return columns.reduce((sum, { reads, isUnknown }) => sum + reads.size + (isUnknown ? 1 : 0), 0)
}
