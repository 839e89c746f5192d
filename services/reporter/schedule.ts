import { createTask } from 'node-cron'

import type { Clock } from '../runtime/clock.ts'
import { lastPeriod } from './periods.ts'
import type { Period, PeriodKind } from './periods.ts'

/** Missed runs that are made up for; older ones are not. */
export const mostMissed = 12
const minuteMs = 60_000
const dayMs = 86_400_000

export interface ScheduledReport {
  readonly control: 'au-2'
  /** Five cron fields, UTC. */
  readonly schedule: string
  readonly period: PeriodKind
  readonly parameters: Readonly<Record<string, string>>
}

/** Calls `due` at each time of the schedule with the period that is to be reported, until disposed. */
export function startSchedule(
  report: ScheduledReport,
  clock: Clock,
  due: (period: Period) => void,
): Disposable {
  const task = createTask(
    report.schedule,
    () => {
      due(lastPeriod(report.period, clock.nowMs()))
    },
    { timezone: 'Etc/UTC', unref: true, suppressMissedWarning: true },
  )
  void task.start()
  return {
    [Symbol.dispose]: () => {
      void task.destroy()
    },
  }
}

/**
 * The periods whose report was due and is not there, since the program was down or it failed, oldest first: over since `beginMs`, when the
 * ledger began, not `isMade`, and with a time of the schedule between their end and now. Looks back one period more than is made up for.
 */
export function missedPeriods(
  report: ScheduledReport,
  beginMs: number,
  nowMs: number,
  isMade: (period: Period) => boolean,
): readonly Period[] {
  let period = lastPeriod(report.period, nowMs)
  const unmade: Period[] = []
  for (let back = 0; back <= mostMissed && period.toMs > beginMs; back++) {
    if (!isMade(period)) unmade.unshift(period)
    period = lastPeriod(report.period, period.toMs - 1)
  }
  const [oldest] = unmade
  if (oldest === undefined) return []
  const dueMs = lastTime(report.schedule, oldest.toMs, nowMs)
  return unmade.filter(({ toMs }) => dueMs !== null && toMs <= dueMs)
}

/**
 * The last time of a schedule from `sinceMs` to `nowMs`. Asks for whole days first: asking for each minute of a year would stop the process
 * for seconds.
 */
function lastTime(schedule: string, sinceMs: number, nowMs: number): number | null {
  const [, , ...fieldsOfDay] = schedule.trim().split(/\s+/)
  using isDay = matcher(`* * ${fieldsOfDay.join(' ')}`)
  using isTime = matcher(schedule)
  for (let day = nowMs - (nowMs % dayMs); day + dayMs > sinceMs; day -= dayMs) {
    if (!isDay.matches(day)) continue
    const last = Math.min(nowMs, day + dayMs - 1)
    for (let ms = last - (last % minuteMs); ms >= Math.max(day, sinceMs); ms -= minuteMs) {
      if (isTime.matches(ms)) return ms
    }
  }
  return null
}

function matcher(schedule: string): Disposable & { matches(ms: number): boolean } {
  const task = createTask(schedule, () => undefined, { timezone: 'Etc/UTC' })
  return {
    matches: (ms) => task.match(new Date(ms)),
    [Symbol.dispose]: () => void task.destroy(),
  }
}
