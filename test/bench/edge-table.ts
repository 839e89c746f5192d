import type { Workload } from './edge-pgbench.ts'

export type Variant = 'direct' | 'pgbouncer' | 'passthrough' | 'batched' | 'guarded' | 'strict'

/** One run of one variant in one round. */
export interface Measured {
  readonly round: number
  readonly variant: Variant
  readonly workload: Workload
  readonly clients: number
  readonly tps: number
  readonly p50Us: number
  /** Null where no process stands between. */
  readonly cpuUs: number | null
  readonly mainThreadUs: number | null
}

type Column = readonly [name: string, cell: (group: readonly Measured[]) => string]

/** What each variant should reach by workload and number of clients. */
const targets: ReadonlyMap<string, string> = new Map([
  ['simple batched 1', '0.85 of pgbouncer'],
  ['simple batched 8', '0.65 of pgbouncer'],
  ['simple batched 32', '0.65 of pgbouncer'],
  ['simple strict 1', '0.20 of pgbouncer'],
  ['simple strict 8', '0.30 of pgbouncer'],
  ['simple strict 32', '0.50 of pgbouncer'],
  ['simple guarded 1', '1.05 CPU of batched'],
  ['simple guarded 8', '1.05 CPU of batched'],
  ['simple guarded 32', '1.05 CPU of batched'],
  ['masked guarded 8', '0.60 of pgbouncer'],
  ['bulk guarded 1', '0.80 of direct'],
])
export const targetCpuUs = 34

/** A line per variant, workload and number of clients: medians over the rounds, ratios within each round. */
export function tableOf(all: readonly Measured[]): string {
  const beside = (one: Measured, variant: Variant): Measured | undefined =>
    all.find(
      (other) =>
        other.variant === variant &&
        other.round === one.round &&
        other.workload === one.workload &&
        other.clients === one.clients,
    )
  const ratio = (one: Measured): number => one.tps / (beside(one, 'pgbouncer')?.tps ?? Number.NaN)
  const toDirect = (one: Measured): number => one.tps / (beside(one, 'direct')?.tps ?? Number.NaN)
  const cpuToBatched = (one: Measured): number =>
    (one.cpuUs ?? Number.NaN) / (beside(one, 'batched')?.cpuUs ?? Number.NaN)
  const added = (one: Measured): number => one.p50Us - (beside(one, 'direct')?.p50Us ?? Number.NaN)
  const columns: readonly Column[] = [
    ['workload', ([first]) => first?.workload ?? ''],
    ['clients', ([first]) => String(first?.clients ?? '')],
    ['variant', ([first]) => first?.variant ?? ''],
    ['tps', (group) => shownTps(median(group.map(({ tps }) => tps)))],
    ['to pgbouncer', (group) => shown(group.map(ratio), 2)],
    ['lowest', (group) => finite(Math.min(...group.map(ratio)), 2)],
    ['highest', (group) => finite(Math.max(...group.map(ratio)), 2)],
    ['to direct', (group) => shown(group.map(toDirect), 2)],
    [
      'CPU µs/tx',
      (group) =>
        shown(
          group.map(({ cpuUs }) => cpuUs ?? Number.NaN),
          1,
        ),
    ],
    ['to batched', (group) => shown(group.map(cpuToBatched), 2)],
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
    ['to reach', ([first]) => targetOf(first)],
  ]
  const groups = Map.groupBy(all, (one) => `${one.workload} ${one.clients} ${one.variant}`)
  const rows = [...groups.values()].map((group) => columns.map(([, cell]) => cell(group)))
  return aligned([columns.map(([name]) => name), ...rows])
}

function targetOf(one: Measured | undefined): string {
  return targets.get(`${one?.workload} ${one?.variant} ${one?.clients}`) ?? ''
}

/** Of a bulk read there is not one in a second. */
function shownTps(tps: number): string {
  return tps < 10 ? tps.toFixed(2) : Math.round(tps).toLocaleString('en')
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
  const isText = (at: number): boolean => at === 0 || at === 2 || at === (rows[0]?.length ?? 0) - 1
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
