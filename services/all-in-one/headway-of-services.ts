import { setInterval } from 'node:timers/promises'

import type { Bus } from '../bus/bus.ts'
import type { Indexer } from '../indexer/indexer.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { Clock } from '../runtime/clock.ts'
import { Headway } from '../runtime/headway.ts'
import type { Health } from '../runtime/health.ts'

export interface HeadwayOfServicesOptions {
  readonly health: Health
  readonly bus: Bus
  readonly ledger: Ledger
  readonly indexer: Indexer
  readonly clock: Clock
}

const everyMs = 5_000

/** Says in the health of the process when sealing or indexing stands still while something waits. Until the signal aborts. */
export async function watchHeadway(
  { health, bus, ledger, indexer, clock }: HeadwayOfServicesOptions,
  signal: AbortSignal,
): Promise<void> {
  const sealing = new Headway({ things: 'records on the bus', done: 'sealed' })
  const indexing = new Headway({ things: 'sealed records', done: 'indexed' })
  health.add('sealing', () => sealing.health(clock.nowMs()))
  health.add('indexing', () => indexing.health(clock.nowMs()))
  for await (const _now of setInterval(everyMs, undefined, { signal, ref: false })) {
    const waiting = await ledger.lag(bus).catch(() => null)
    sealing.observe(waiting, ledger.durableEntries, clock.nowMs())
    const lags = indexer.lag()
    const behind = lags.reduce((sum, { records }) => sum + records, 0)
    indexing.observe(behind, indexer.applied(), clock.nowMs())
  }
}
