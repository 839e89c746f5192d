import type { Facts } from '../../guard/facts.ts'
import type { MaskedColumn } from '../../guard/masking/classification.ts'
import type { CatalogRows } from './catalog-rows.ts'
import { Couplings, further } from './couplings.ts'
import type { Access, Reach } from './couplings.ts'
import { lastNameOf } from '../../guard/policy/relation-names.ts'
import { qualifiedName } from '../facts/names.ts'
import { noDefinitions } from '../routines/recent-definitions.ts'
import type { Definitions } from '../routines/recent-definitions.ts'
import type { RelationColumns } from './lineage.ts'
import type { Projection } from './projection.ts'
import type { Shown } from './shown-columns.ts'

/** What a column of an answer is, by the identity that RowDescription gives it. */
export type ColumnIdentity = MaskedColumn | 'plain' | 'unknown'

/**
 * Which columns of a target are masked, by the oids of its catalog: those that are classified, the same columns of partitions and
 * of inheritance parents and children, and the columns of views that show them. A snapshot; it never changes.
 */
export class MaskCatalog implements RelationColumns {
  #relations = new Map<number, Relation>()
  #byName = new Map<string, Relation[]>()
  #couplings: Couplings
  #recent = noDefinitions
  /** Classified columns that the catalog does not have. */
  readonly missing: readonly MaskedColumn[]

  /** `viewColumns` says what each column of a view's definition reads; null where the definition is not understood. */
  constructor(
    rows: CatalogRows,
    columns: readonly MaskedColumn[],
    viewColumns: (definition: string, relations: RelationColumns) => Projection | null,
  ) {
    for (const { oid, schema, relation, number, column } of rows.columns) {
      let known = this.#relations.get(oid)
      if (known === undefined) {
        known = {
          oid,
          schema,
          name: relation,
          columns: new Map(),
          masked: new Map(),
          derived: new Set(),
        }
        this.#relations.set(oid, known)
        // A name may be written without its schema, and whatever path then leads to it.
        for (const name of [qualifiedName([schema, relation]), qualifiedName([relation])]) {
          this.#byName.set(name, [...(this.#byName.get(name) ?? []), known])
        }
      }
      known.columns.set(number, column)
      // Parts of long values, of whatever column.
      if (schema === toastSchema) known.masked.set(number, notUnderstood)
    }
    this.missing = columns.filter((column) => !this.#classify(column))
    this.#inherit(rows.inheritance)
    this.#lookThrough(rows, viewColumns)
    this.#couplings = new Couplings(rows.couplings, (oid) => this.#holdsMasked(oid))
  }

  /** The same where sessions have defined this since the snapshot: what a view shows or a name stands for by now, nobody knows. */
  besides(recent: Definitions): MaskCatalog {
    if (recent === noDefinitions) return this
    const catalog = new MaskCatalog(noRows, [], () => null)
    catalog.#relations = this.#relations
    catalog.#byName = this.#byName
    catalog.#couplings = this.#couplings
    catalog.#recent = recent
    return catalog
  }

  /** The column with this identity; attribute 0 is the whole row. Oids the snapshot does not have are `unknown`. */
  identity(oid: number, attribute: number): ColumnIdentity {
    const relation = this.#relations.get(oid)
    if (relation === undefined || this.#recent.views.has(qualifiedName([relation.name])))
      return 'unknown'
    if (attribute > 0) {
      if (!relation.columns.has(attribute)) return 'unknown'
      return relation.masked.get(attribute) ?? 'plain'
    }
    // System columns hold no values of anybody; a row as one value holds all of them.
    return attribute < 0 || relation.masked.size === 0 ? 'plain' : notUnderstood
  }

  /**
   * Every masked column that a request may look at, by the upper bound of its facts. A relation that the snapshot does not have,
   * and a column that a relation with masked ones has not, may hold anything.
   */
  touched(columnsRead: Facts['columnsRead']): readonly MaskedColumn[] {
    const found = new Set<MaskedColumn>()
    const unknown = new Set<string>()
    const known = new Set<string>()
    for (const name of columnsRead) {
      if (name === '*') {
        for (const { schema, masked } of this.#relations.values()) {
          if (schema !== toastSchema) addAll(found, masked.values())
        }
        continue
      }
      const [relationName, column] = splitLast(name)
      const relations = this.#named(relationName)
      if (relations === undefined || this.#isOtherNow(relationName)) found.add(notUnderstood)
      for (const relation of relations ?? []) {
        if (column === '*') {
          addAll(found, relation.masked.values())
          known.add(column)
        } else if (lookAt(relation, column, found)) {
          known.add(column)
        } else if (relation.masked.size > 0) {
          unknown.add(column)
        }
      }
    }
    // A bare name is listed for every relation it might be of; one that has it is enough.
    for (const column of unknown) if (!known.has(column)) found.add(notUnderstood)
    return [...found]
  }

  /** What a value may show of masked columns. */
  shown({ reads, isUnknown }: Shown): readonly MaskedColumn[] {
    const touched = this.touched([...reads])
    return isUnknown ? [...touched, notUnderstood] : touched
  }

  columnsNamed(relation: readonly string[]): readonly (readonly string[])[] {
    const name = qualifiedName(relation)
    const candidates = this.#isOtherNow(name) ? [] : (this.#named(name) ?? [])
    return candidates.map(({ columns }) => [...columns.values()])
  }

  /** What the target's words about a statement may quote: also what it comes to by views, foreign keys, triggers and the like. */
  reach({ kinds, reads, writes }: Pick<Facts, 'kinds' | 'reads' | 'writes'>): Reach {
    const ofRelations = further(this.#reach(reads, 'read'), this.#reach(writes, 'write'))
    return further(ofRelations, this.#couplings.ofKinds(kinds))
  }

  /** Whether the rows that a write of these answers may be of other relations. */
  answersElse(writes: readonly string[]): boolean {
    return writes.some(
      (name) =>
        this.#recent.views.has(lastNameOf(name)) ||
        this.#named(name)?.some(({ oid }) => this.#couplings.answersElse(oid)),
    )
  }

  /** A masked column of one of these relations, `*` for any, as the snapshot has them; undefined where there is none. */
  maskedOf(relations: readonly string[]): MaskedColumn | undefined {
    const found = relations.flatMap((name) =>
      name === '*' ? [...this.#relations.values()] : (this.#byName.get(name) ?? []),
    )
    const columns = found.flatMap(({ schema, masked }) =>
      schema === toastSchema ? [] : [...masked.values()],
    )
    return columns.find(({ name }) => name !== '') ?? columns[0]
  }

  /** The relations that this may be the name of as the snapshot has them; undefined where none is known to be. */
  #named(name: string): readonly Relation[] | undefined {
    const found = this.#byName.get(name)
    if (!name.startsWith('pg_catalog.')) return found
    // Facts write the bare name of a relation of the server so, and a temporary one is found before that.
    const last = this.#byName.get(lastNameOf(name))
    const before = last?.filter(({ schema }) => schema.startsWith('pg_temp_')) ?? []
    return before.length === 0 ? found : [...before, ...(found ?? [])]
  }

  /** Whether it may be the name of something else by now. */
  #isOtherNow(name: string): boolean {
    const { views, renamed } = this.#recent
    const last = lastNameOf(name)
    return views.has(last) || renamed.has(last)
  }

  #reach(relations: readonly string[], access: Access): Reach {
    const own = this.touched(relations.map((name) => (name === '*' ? name : `${name}.*`)))
    let reach: Reach = own.length > 0 ? 'values' : 'none'
    for (const name of relations) {
      if (name.endsWith('*')) reach = further(reach, this.#couplings.ofAny())
      if (this.#recent.relations.has(lastNameOf(name))) reach = 'code'
      for (const { oid } of this.#named(name) ?? []) {
        reach = further(reach, this.#couplings.reach(oid, access))
      }
    }
    return reach
  }

  #holdsMasked(oid: number): boolean {
    return (this.#relations.get(oid)?.masked.size ?? 0) > 0
  }

  #classify(column: MaskedColumn): boolean {
    let isThere = false
    const name = qualifiedName([column.schema, column.relation])
    for (const relation of this.#byName.get(name) ?? []) {
      for (const [number, attribute] of relation.columns) {
        if (attribute !== column.column) continue
        relation.masked.set(number, column)
        isThere = true
      }
    }
    return isThere
  }

  /** Children and parents hold the same values in columns of the same name. */
  #inherit(pairs: CatalogRows['inheritance']): void {
    for (let isChanged = true; isChanged;) {
      isChanged = false
      for (const { child, parent } of pairs) {
        const one = this.#relations.get(child)
        const other = this.#relations.get(parent)
        if (one === undefined || other === undefined) continue
        if (copyMasks(one, other) || copyMasks(other, one)) isChanged = true
      }
    }
  }

  /** Views show views and generated columns, so it goes on until nothing new is found. */
  #lookThrough(
    { views, generated }: Pick<CatalogRows, 'views' | 'generated'>,
    viewColumns: (definition: string, relations: RelationColumns) => Projection | null,
  ): void {
    const understood = [
      ...views.map(({ oid, definition }) => ({
        oid,
        shown: viewColumns(definition, this),
        number: null,
      })),
      ...generated.map(({ oid, number, definition }) => ({
        oid,
        shown: viewColumns(definition, this),
        number,
      })),
    ]
    for (let isChanged = true; isChanged;) {
      isChanged = false
      for (const { oid, shown, number } of understood) {
        const relation = this.#relations.get(oid)
        if (relation === undefined) continue
        const numbers = [...relation.columns.keys()].sort((a, b) => a - b)
        const columns = number === null ? numbers : [number]
        if (this.#maskShown(relation, shown, columns)) isChanged = true
      }
    }
  }

  #maskShown(relation: Relation, shown: Projection | null, numbers: readonly number[]): boolean {
    let isChanged = false
    numbers.forEach((number, place) => {
      const before = relation.masked.get(number)
      if (before !== undefined && !relation.derived.has(number)) return
      const mask = this.#maskOfShown(shown, place)
      // What it shows may be known to tell of more columns than a round ago.
      if (mask === null || (before !== undefined && isAlike(mask, before))) return
      relation.masked.set(number, mask)
      relation.derived.add(number)
      isChanged = true
    })
    return isChanged
  }

  #maskOfShown(shown: Projection | null, place: number): MaskedColumn | null {
    if (shown === null || shown.whole.reads.some(isTelling)) return notUnderstood
    const column = shown.columns?.[place] ?? { ...shownBy(shown.whole), isPlain: false }
    const [first, ...more] = this.shown(column)
    if (first === undefined) return null
    // Of several columns one may be of a class that a rule names and another not.
    if (more.length > 0) return severalAtOnce([first, ...more])
    return column.isPlain ? first : { ...first, method: { kind: 'null' } }
  }
}

/** Code of its own may read anything. */
function shownBy({ columnsRead, unlistedFunctions, unknown }: Facts): Shown {
  const isUnknown = unlistedFunctions.length + unknown.length > 0
  return { reads: new Set(columnsRead), isUnknown }
}

/** Stands for values that nobody here can tell apart from masked ones. */
export const notUnderstood: MaskedColumn = {
  name: '',
  schema: '',
  relation: '',
  column: '',
  dataClass: 'not-understood',
  method: { kind: 'null' },
  isForbiddenInConditions: false,
}

/** Stands for values that tell of all of these: no use of one is no use of them together. */
function severalAtOnce(columns: readonly MaskedColumn[]): MaskedColumn {
  const forbidden = columns.find((each) => each.isForbiddenInConditions)
  if (forbidden === undefined) return notUnderstood
  return { ...notUnderstood, name: forbidden.name, isForbiddenInConditions: true }
}

/** Whether this is a view of the server that quotes values of other tables, or the statements of other sessions. */
export function isTelling(relation: string): boolean {
  return telling.has(relation.slice(relation.lastIndexOf('.') + 1))
}

const telling: ReadonlySet<string> = new Set(
  [
    'pg_stats',
    'pg_statistic',
    'pg_stats_ext',
    'pg_stats_ext_exprs',
    'pg_statistic_ext_data',
  ].concat(['pg_stat_activity', 'pg_stat_statements', 'pg_prepared_statements', 'pg_cursors']),
)
const noRows: CatalogRows = {
  columns: [],
  inheritance: [],
  views: [],
  generated: [],
  couplings: [],
}
const toastSchema = 'pg_toast'

interface Relation {
  readonly oid: number
  readonly schema: string
  readonly name: string
  readonly columns: Map<number, string>
  readonly masked: Map<number, MaskedColumn>
  /** Columns whose mask follows from what they show. */
  readonly derived: Set<number>
}

function isAlike(one: MaskedColumn, other: MaskedColumn): boolean {
  return (
    one.dataClass === other.dataClass &&
    one.isForbiddenInConditions === other.isForbiddenInConditions
  )
}

/** Adds the column's mask, if it has one. False when the relation has no such column. */
function lookAt({ columns, masked }: Relation, column: string, found: Set<MaskedColumn>): boolean {
  let isThere = false
  for (const [number, name] of columns) {
    if (qualifiedName([name]) !== column) continue
    isThere = true
    const mask = masked.get(number)
    if (mask !== undefined) found.add(mask)
  }
  return isThere
}

function copyMasks(from: Relation, to: Relation): boolean {
  let isChanged = false
  for (const [number, mask] of from.masked) {
    const name = from.columns.get(number)
    for (const [other, column] of to.columns) {
      if (column !== name || to.masked.has(other)) continue
      to.masked.set(other, mask)
      isChanged = true
    }
  }
  return isChanged
}

function addAll<T>(set: Set<T>, values: Iterable<T>): void {
  for (const value of values) set.add(value)
}

/** `relation.column` in its two parts, as facts write them; a part with a dot is quoted. */
function splitLast(name: string): readonly [relation: string, column: string] {
  const column = /(?:^|\.)("(?:[^"]|"")*"|[^."]*)$/.exec(name)?.[1] ?? name
  return [name.slice(0, Math.max(0, name.length - column.length - 1)), column]
}
