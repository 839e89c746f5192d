/** What an item of FROM is called, and what its columns are. */
interface Item {
  readonly name: string
  readonly columns: readonly string[]
}

interface Part {
  readonly sql: string
  readonly items: readonly Item[]
}

interface Select {
  readonly sql: string
  readonly columns: readonly string[]
}

export const randomTables: ReadonlyMap<string, readonly string[]> = new Map([
  ['t', ['a', 'b', 'c']],
  ['u', ['a', 'b', 'd']],
  ['v', ['x', 'a']],
])

/** Few, so that they stand for several things at once. The third is a table's too. */
const names = ['s', 'n', 't']
const columnNames = ['a', 'b', 'c', 'd', 'x']

/** Queries over the tables of schema m in which few names are used over and over; most of them PostgreSQL does not take. */
export class RandomQueries {
  #state: number

  /** The same seed gives the same queries. */
  constructor(seed: number) {
    this.#state = seed
  }

  next(): string {
    return this.#select([], 4).sql
  }

  /** `levels` are the queries around, from the inside out. */
  #select(levels: readonly (readonly Item[])[], depth: number, width = 1 + this.#below(2)): Select {
    const shared = depth > 0 && this.#below(6) === 0 ? this.#with(levels, depth - 1) : null
    const parts: string[] = []
    let items: readonly Item[] = []
    for (let left = 1 + this.#below(2); left > 0; left -= 1) {
      const isShared = shared !== null && this.#below(2) === 0
      const part = isShared ? shared.part : this.#item(levels, items, depth)
      parts.push(part.sql)
      items = [...items, ...part.items]
    }
    const around = [items, ...levels]
    const columns = columnNames.slice(0, width)
    const shown = columns.map((name) => `${this.#expression(around, depth)} AS ${name}`)
    const where = this.#below(4) === 0 ? ` WHERE ${this.#expression(around, depth)} <> ''` : ''
    const body = `SELECT ${shown.join(', ')} FROM ${parts.join(', ')}${where}`
    return { sql: `${shared?.clause ?? ''}${body}`, columns }
  }

  #with(
    levels: readonly (readonly Item[])[],
    depth: number,
  ): { readonly clause: string; readonly part: Part } {
    const name = this.#pick(names)
    const { sql, columns } = this.#select(levels, depth)
    return { clause: `WITH ${name} AS (${sql}) `, part: { sql: name, items: [{ name, columns }] } }
  }

  #item(levels: readonly (readonly Item[])[], before: readonly Item[], depth: number): Part {
    const name = this.#pick(names)
    const kind = depth === 0 ? 0 : this.#below(10)
    if (kind < 4) return this.#table(name)
    if (kind < 6) {
      const isLateral = kind === 5
      const { sql, columns } = this.#select(isLateral ? [before, ...levels] : levels, depth - 1)
      return { sql: `${isLateral ? 'LATERAL ' : ''}(${sql}) ${name}`, items: [{ name, columns }] }
    }
    if (kind === 6) {
      const value = this.#expression([before, ...levels], depth - 1)
      return { sql: `upper(${value}) ${name}(a)`, items: [{ name, columns: ['a'] }] }
    }
    return this.#join(levels, before, depth - 1)
  }

  #table(name: string): Part {
    const [table, columns] = this.#pick([...randomTables])
    const kind = this.#below(8)
    if (kind === 0) {
      const renamed = ['x', 'b', ...columns.slice(2)]
      return { sql: `m.${table} AS ${name}(x, b)`, items: [{ name, columns: renamed }] }
    }
    if (kind < 3) return { sql: `m.${table}`, items: [{ name: table, columns }] }
    return { sql: `m.${table} ${name}`, items: [{ name, columns }] }
  }

  #join(levels: readonly (readonly Item[])[], before: readonly Item[], depth: number): Part {
    const left = this.#item(levels, before, depth)
    const right = this.#item(levels, [...before, ...left.items], depth)
    const items = [...left.items, ...right.items]
    const condition = (): string => `ON ${this.#expression([items, ...levels], depth)} <> ''`
    const sides = [left.sql, right.sql]
    const kind = this.#below(8)
    const sql =
      kind === 0
        ? sides.join(' NATURAL JOIN ')
        : kind < 3
          ? `${sides.join(' FULL JOIN ')} USING (a)${kind === 1 ? ` AS ${this.#pick(names)}` : ''}`
          : `${sides.join(' JOIN ')} ${condition()}`
    if (this.#below(3) === 0) return { sql: `(${sql})`, items }
    const name = this.#pick(names)
    const columns = [...new Set(items.flatMap((item) => item.columns))]
    return { sql: `(${sql}) ${name}`, items: [{ name, columns }] }
  }

  #expression(levels: readonly (readonly Item[])[], depth: number): string {
    const items = levels.flat().filter(({ columns }) => columns.length > 0)
    const kind = this.#below(12)
    if (kind < 3 && depth > 0) return `(${this.#select(levels, depth - 1, 1).sql} LIMIT 1)`
    if (kind < 5) return `upper(${this.#pick(names)}.${this.#pick(columnNames)})`
    if (items.length === 0) return "'k'"
    const item = this.#pick(items)
    if (kind < 10) return `${item.name}.${this.#pick(item.columns)}`
    return kind === 10 ? this.#pick(item.columns) : `to_jsonb(${item.name})::text`
  }

  #pick<T>(all: readonly T[]): T {
    return all[this.#below(all.length)] as T
  }

  /** mulberry32 */
  #below(bound: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % bound
  }
}
