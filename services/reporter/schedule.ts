import { createTask } from 'node-cron'

import type { Clock } from '../runtime/clock.ts'
import { lastPeriod } from './periods.ts'
import type { Period, PeriodKind } from './periods.ts'

/** Missed runs that are made up for; older ones are not. */
export const mostMissed = 12
const minuteMs = 60_000

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
  const missed: Period[] = []
  let period = lastPeriod(report.period, nowMs)
  for (let back = 0; back <= mostMissed && period.toMs > beginMs; back++) {
    if (!isMade(period) && wasDue(report.schedule, period.toMs, nowMs)) missed.unshift(period)
    period = lastPeriod(report.period, period.toMs - 1)
  }
  return missed
}

function wasDue(schedule: string, fromMs: number, nowMs: number): boolean {
  const task = createTask(schedule, () => undefined, { timezone: 'Etc/UTC' })
  try {
    for (let ms = fromMs; ms <= nowMs; ms += minuteMs) if (task.match(new Date(ms))) return true
    return false
  } finally {
    void task.destroy()
  }
}
