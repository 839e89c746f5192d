import type { QueryProtocol } from './edge-pgbench.ts'

export type Variant = 'direct' | 'pgbouncer' | 'passthrough' | 'batched' | 'strict'

/** One run of one variant in one round. */
export interface Measured {
  readonly round: number
  readonly variant: Variant
  readonly protocol: QueryProtocol
  readonly clients: number
  readonly tps: number
  readonly p50Us: number
  /** Null where no process stands between. */
  readonly cpuUs: number | null
  readonly mainThreadUs: number | null
}

type Column = readonly [name: string, cell: (group: readonly Measured[]) => string]

/** What each variant should reach, as a ratio to pgbouncer, by the number of clients. */
const targets: ReadonlyMap<string, number> = new Map([
  ['batched 1', 0.85],
  ['batched 8', 0.65],
  ['batched 32', 0.65],
  ['strict 1', 0.2],
  ['strict 8', 0.3],
  ['strict 32', 0.5],
])
export const targetCpuUs = 34

/** A line per variant, protocol and number of clients: medians over the rounds, ratios within each round. */
export function tableOf(all: readonly Measured[]): string {
  const beside = (one: Measured, variant: Variant): Measured | undefined =>
    all.find(
      (other) =>
        other.variant === variant &&
        other.round === one.round &&
        other.protocol === one.protocol &&
        other.clients === one.clients,
    )
  const ratio = (one: Measured): number => one.tps / (beside(one, 'pgbouncer')?.tps ?? Number.NaN)
  const added = (one: Measured): number => one.p50Us - (beside(one, 'direct')?.p50Us ?? Number.NaN)
  const columns: readonly Column[] = [
    ['protocol', ([first]) => first?.protocol ?? ''],
    ['clients', ([first]) => String(first?.clients ?? '')],
    ['variant', ([first]) => first?.variant ?? ''],
    ['tps', (group) => Math.round(median(group.map(({ tps }) => tps))).toLocaleString('en')],
    ['to pgbouncer', (group) => shown(group.map(ratio), 2)],
    ['lowest', (group) => finite(Math.min(...group.map(ratio)), 2)],
    ['highest', (group) => finite(Math.max(...group.map(ratio)), 2)],
    ['to reach', ([first]) => targetOf(first)],
    [
      'CPU µs/tx',
      (group) =>
        shown(
          group.map(({ cpuUs }) => cpuUs ?? Number.NaN),
          1,
        ),
    ],
    [
      'main thread',
      (group) =>
        shown(
          group.map((one) => one.mainThreadUs ?? Number.NaN),
          1,
        ),
    ],
    [
      'p50 µs',
      (group) =>
        shown(
          group.map(({ p50Us }) => p50Us),
          0,
        ),
    ],
    ['added p50 µs', (group) => shown(group.map(added), 0)],
  ]
  const groups = Map.groupBy(all, (one) => `${one.protocol} ${one.clients} ${one.variant}`)
  const rows = [...groups.values()].map((group) => columns.map(([, cell]) => cell(group)))
  return aligned([columns.map(([name]) => name), ...rows])
}

function targetOf(one: Measured | undefined): string {
  if (one === undefined || one.protocol !== 'simple') return ''
  return targets.get(`${one.variant} ${one.clients}`)?.toFixed(2) ?? ''
}

function shown(values: readonly number[], digits: number): string {
  return finite(median(values), digits)
}

function finite(value: number, digits: number): string {
  return Number.isFinite(value) ? value.toFixed(digits) : '–'
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[sorted.length >> 1] ?? Number.NaN
}

function aligned(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, at) =>
    Math.max(...rows.map((row) => row[at]?.length ?? 0)),
  )
  const isText = (at: number): boolean => at === 0 || at === 2
  return rows
    .map((row) =>
      row
        .map((cell, at) =>
          isText(at) ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}
