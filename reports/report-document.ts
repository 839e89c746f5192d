/** What a report says, before it is Markdown or PDF. Both are made from the same blocks, so they cannot differ. */
export interface ReportDocument {
  readonly title: string
  readonly subtitle: string
  readonly author: string
  /** Above and below every page. */
  readonly header: string
  readonly footer: string
  /** The first page. */
  readonly cover: readonly Fact[]
  readonly marking: string
  readonly statement: string
  readonly sections: readonly Section[]
}

export interface Fact {
  readonly name: string
  readonly value: string
}

export interface Section {
  readonly title: string
  readonly blocks: readonly Block[]
  readonly isLandscape?: boolean
}

export type Block =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'heading'; readonly text: string }
  /** Set apart in a box. */
  | { readonly kind: 'note'; readonly text: string }
  | { readonly kind: 'facts'; readonly facts: readonly Fact[] }
  /** Exact lines, such as a signed note. */
  | { readonly kind: 'lines'; readonly caption: string; readonly lines: readonly string[] }
  | TableBlock
  | BarsBlock
  | HeatBlock

export interface TableBlock {
  readonly kind: 'table'
  readonly caption: string
  readonly columns: readonly Column[]
  readonly rows: readonly (readonly string[])[]
  readonly total?: readonly string[]
  /** Said below: what was left out, or how to read it. */
  readonly remark?: string
}

export interface Column {
  readonly title: string
  /** Of the width, relative to the others. */
  readonly share: number
  readonly align?: 'right'
  readonly isCode?: boolean
}

export interface BarsBlock {
  readonly kind: 'bars'
  readonly caption: string
  readonly unit: string
  readonly categories: readonly string[]
  readonly series: readonly { readonly name: string; readonly values: readonly number[] }[]
}

export interface HeatBlock {
  readonly kind: 'heat'
  readonly caption: string
  readonly unit: string
  readonly rows: readonly string[]
  readonly columns: readonly string[]
  /** By row and column; 0 is silence. */
  readonly values: readonly (readonly number[])[]
}

export function count(value: number): string {
  return value.toLocaleString('en-US')
}

/** `1 entry`, `2 entries`: what is counted is given in the plural. */
export function counted(value: number, things: string): string {
  const singular = things.replace(/ies$/, 'y').replace(/s$/, '')
  return `${count(value)} ${value === 1 ? singular : things}`
}

export function utc(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`
}
