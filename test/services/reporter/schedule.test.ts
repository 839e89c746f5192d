import assert from 'node:assert/strict'
import { test } from 'node:test'

import fc from 'fast-check'

import { lastPeriod, scheduledId } from '../../../services/reporter/periods.ts'
import { missedPeriods } from '../../../services/reporter/schedule.ts'
import type { ScheduledReport } from '../../../services/reporter/schedule.ts'

const daily: ScheduledReport = {
  control: 'au-2',
  schedule: '30 6 * * *',
  period: 'day',
  parameters: {},
}
const day = 86_400_000
const at = (text: string): number => Date.parse(text)

test('the last period is whole, is over, and touches the one before', () => {
  const kind = fc.constantFrom('hour', 'day', 'week', 'month' as const)
  fc.assert(
    fc.property(
      kind,
      fc.date({ min: new Date(0), max: new Date('2100-01-01'), noInvalidDate: true }),
      (kind, date) => {
        const period = lastPeriod(kind, date.getTime())
        assert.ok(period.fromMs < period.toMs && period.toMs <= date.getTime())
        assert.equal(lastPeriod(kind, period.toMs - 1).toMs, period.fromMs)
        assert.deepEqual(lastPeriod(kind, period.toMs), period)
      },
    ),
  )
  assert.deepEqual(lastPeriod('week', at('2026-11-25T12:00:00Z')), {
    fromMs: at('2026-11-16T00:00:00Z'),
    toMs: at('2026-11-23T00:00:00Z'),
  })
  assert.deepEqual(lastPeriod('month', at('2026-01-15T12:00:00Z')), {
    fromMs: at('2025-12-01T00:00:00Z'),
    toMs: at('2026-01-01T00:00:00Z'),
  })
})

test('a report that was due while the program was down is missed, oldest first', () => {
  const now = at('2026-11-25T12:00:00Z')
  const missed = missedPeriods(daily, at('2026-11-22T10:00:00Z'), now, () => false)
  assert.deepEqual(
    missed.map((period) => scheduledId('au-2', 'day', period)),
    ['au-2-day-2026-11-22', 'au-2-day-2026-11-23', 'au-2-day-2026-11-24'],
  )
})

test('a report that is made, not due yet, or of a time before the ledger is not missed', () => {
  const began = at('2026-11-24T10:00:00Z')
  assert.deepEqual(
    missedPeriods(daily, began, at('2026-11-25T06:00:00Z'), () => false),
    [],
  )
  assert.equal(missedPeriods(daily, began, at('2026-11-25T06:30:00Z'), () => false).length, 1)
  assert.deepEqual(
    missedPeriods(daily, began, at('2026-11-25T07:00:00Z'), () => true),
    [],
  )
  assert.deepEqual(
    missedPeriods(daily, at('2026-11-25T05:00:00Z'), at('2026-11-25T07:00:00Z'), () => false),
    [],
  )
})

test('it is seen that more than twelve were missed', () => {
  const now = at('2026-11-25T12:00:00Z')
  assert.equal(missedPeriods(daily, now - 40 * day, now, () => false).length, 13)
})

test('what is due on few days of a year is found like what is due each minute, and at once', () => {
  const monthsDue = (schedule: string, now: string): readonly string[] =>
    missedPeriods({ ...daily, schedule, period: 'month' }, 0, at(now), () => false).map(
      ({ fromMs }) => new Date(fromMs).toISOString().slice(0, 7),
    )
  const begunMs = performance.now()
  assert.deepEqual(monthsDue('0 6 29 2 *', '2027-02-20T00:00:00Z'), [])
  assert.equal(monthsDue('0 6 29 2 *', '2028-03-05T00:00:00Z').at(-1), '2028-01')
  assert.equal(monthsDue('0 6 31 * *', '2027-03-01T07:00:00Z').at(-1), '2026-12')
  assert.equal(monthsDue('59 23 31 12 *', '2026-12-31T23:59:00Z').at(-1), '2026-11')
  assert.equal(monthsDue('59 23 31 12 *', '2026-12-31T23:58:59Z').at(-1), '2025-11')
  assert.equal(monthsDue('0 0 1 * *', '2027-01-01T00:00:00Z').at(-1), '2026-12')
  assert.equal(monthsDue('*/7 3-4 * * mon', '2026-11-30T04:10:00Z').at(-1), '2026-10')
  // It took a minute, in which nothing else of the process ran.
  assert.ok(performance.now() - begunMs < 5000)
})
