import { setTimeout as pause } from 'node:timers/promises'

import type { Bus } from '../bus/bus.ts'
import type { RecordScope } from '../edge/capture/recorder.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { Lifecycle } from '../runtime/lifecycle.ts'
import type { Logger } from '../runtime/logger.ts'

export interface SealingOptions {
  readonly ledger: Ledger
  readonly bus: Bus
  readonly lifecycle: Lifecycle
  readonly logger: Logger
}

const longestMs = 5_000
const lookMs = 20

/**
 * Seals while the product runs, and a little longer: what is added to the lifecycle after this call, everything that records among
 * it, stops first, so that its last events are sealed too. Returns what begins it.
 */
export function prepareSealing(options: SealingOptions): (gaps: RecordScope) => void {
  const { ledger, bus, lifecycle, logger } = options
  const stop = new AbortController()
  let sealing: Promise<void> | null = null
  lifecycle.onStop(async () => {
    if (sealing === null) return
    if (!(await isCaughtUp(ledger, bus))) {
      logger.warn(
        'not everything on the bus was sealed before the end; the next start goes on there',
      )
    }
    stop.abort()
    await sealing
  })
  return (gaps) => {
    sealing = lifecycle.watch('ledger', ledger.run(bus, stop.signal, gaps))
  }
}

async function isCaughtUp(ledger: Ledger, bus: Bus): Promise<boolean> {
  for (let waitedMs = 0; waitedMs < longestMs; waitedMs += lookMs) {
    if ((await ledger.lag(bus)) === 0) return true
    await pause(lookMs)
  }
  return false
}
