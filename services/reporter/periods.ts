/** What a scheduled report covers: whole hours, days, weeks (from Monday) or months, in UTC. */
export type PeriodKind = 'hour' | 'day' | 'week' | 'month'

export interface Period {
  readonly fromMs: number
  readonly toMs: number
}

/** The last period that was over at this time. */
export function lastPeriod(kind: PeriodKind, atMs: number): Period {
  const toMs = startOf(kind, atMs)
  return { fromMs: startOf(kind, toMs - 1), toMs }
}

/** The beginning of the period that this time is in. */
function startOf(kind: PeriodKind, atMs: number): number {
  const date = new Date(atMs)
  const day = Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate())
  switch (kind) {
    case 'hour':
      return day + date.getUTCHours() * 3_600_000
    case 'day':
      return day
    case 'week':
      return day - ((date.getUTCDay() + 6) % 7) * 86_400_000
    case 'month':
      return Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), 1)
  }
}

/** One name per control and period, so that a scheduled report is made once. */
export function scheduledId(control: string, kind: PeriodKind, { fromMs }: Period): string {
  const from = new Date(fromMs).toISOString()
  return `${control}-${kind}-${kind === 'hour' ? from.slice(0, 13) : from.slice(0, 10)}`
}

export function adHocId(control: string, atMs: number): string {
  return `${control}-adhoc-${new Date(atMs).toISOString().replaceAll(/[-:]/g, '').replace('.', '-')}`
}
