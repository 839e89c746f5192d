import type { ActivityBucket } from '../api/shapes.ts'

export interface Hour {
  readonly hourMs: number
  readonly allowed: number
  readonly blocked: number
  /** Held, and not run. */
  readonly held: number
  readonly errors: number
  readonly rows: number
}

const hourMs = 3_600_000
const mostHours = 48

/**
 * Statements per hour, oldest first, with the empty hours between them. `allowed` are those that were neither blocked nor held back nor
 * ended in an error, so that the four add up to all. Keeps the newest hours when there are too many to draw.
 */
export function hoursOf(buckets: readonly ActivityBucket[]): readonly Hour[] {
  const byHour = new Map<number, Hour>()
  for (const bucket of buckets) {
    const before = byHour.get(bucket.hourMs) ?? emptyHour(bucket.hourMs)
    byHour.set(bucket.hourMs, added(before, bucket))
  }
  const known = [...byHour.keys()]
  if (known.length === 0) return []
  const last = known.reduce((a, b) => Math.max(a, b))
  const first = Math.max(
    known.reduce((a, b) => Math.min(a, b)),
    last - (mostHours - 1) * hourMs,
  )
  const hours: Hour[] = []
  for (let hour = first; hour <= last; hour += hourMs) {
    hours.push(byHour.get(hour) ?? emptyHour(hour))
  }
  return hours
}

export function total(hour: Hour): number {
  return hour.allowed + hour.blocked + hour.held + hour.errors
}

function emptyHour(hour: number): Hour {
  return { hourMs: hour, allowed: 0, blocked: 0, held: 0, errors: 0, rows: 0 }
}

function added(hour: Hour, bucket: ActivityBucket): Hour {
  const rows = hour.rows + bucket.rows
  if (bucket.decision === 'block') return { ...hour, rows, blocked: hour.blocked + bucket.count }
  if (bucket.outcome === 'error') return { ...hour, rows, errors: hour.errors + bucket.count }
  if (bucket.decision === 'hold' && bucket.outcome !== 'ok') {
    return { ...hour, rows, held: hour.held + bucket.count }
  }
  return { ...hour, rows, allowed: hour.allowed + bucket.count }
}
