import { setTimeout as pause } from 'node:timers/promises'

import type { FrozenCheckpoint } from '../../reports/frozen.ts'
import type { LedgerReader, LogHead } from '../ledger/reader.ts'
import type { Clock } from '../runtime/clock.ts'
import { ReportError } from './error.ts'
import type { ReportTrigger } from './report.ts'

/** After the end of a period, for what is on its way. */
const graceMs = 600_000
/** For an ad hoc report: how long to wait for a checkpoint over what was recorded just now. */
const settleMs = 2_000
/** For a scheduled report: how long a ledger at rest may take to sign again. */
const quietMs = 60_000

export interface FreezeRequest {
  readonly reader: LedgerReader
  readonly clock: Clock
  readonly trigger: ReportTrigger
  readonly toMs: number
  readonly signal: AbortSignal
}

/**
 * The checkpoint of each log that the report stands on. A scheduled report takes the first one signed at the end of its period plus
 * grace or later, so that nobody can wait for a root that suits; an ad hoc one takes the newest and says that it is ad hoc.
 */
export async function freezeCheckpoints(
  request: FreezeRequest,
): Promise<readonly FrozenCheckpoint[]> {
  const heads =
    request.trigger === 'ad_hoc' ? await settledHeads(request) : await headsAfterPeriod(request)
  if (heads.length === 0) {
    throw new ReportError('REPORT_NO_LEDGER', 'the ledger has no signed checkpoint yet')
  }
  return heads
}

async function settledHeads(request: FreezeRequest): Promise<FrozenCheckpoint[]> {
  const { reader, clock, signal } = request
  const begunMs = clock.nowMs()
  let heads = await reader.logs()
  const isSettled = (): boolean => heads.some(({ signedAtMs }) => signedAtMs >= begunMs)
  while (!isSettled() && clock.nowMs() < begunMs + settleMs) {
    await pause(50, undefined, { signal })
    heads = await reader.logs()
  }
  return heads.map((head) => frozen(head, 'newest'))
}

async function headsAfterPeriod(request: FreezeRequest): Promise<FrozenCheckpoint[]> {
  const { reader, clock, toMs, signal } = request
  const fromMs = toMs + graceMs
  while (clock.nowMs() < fromMs) {
    await pause(Math.min(fromMs - clock.nowMs(), 60_000), undefined, { signal })
  }
  const untilMs = clock.nowMs() + quietMs
  for (;;) {
    const found: FrozenCheckpoint[] = []
    for (const head of await reader.logs()) {
      const after = await reader.checkpointAt(head.origin, fromMs)
      found.push(
        after === null
          ? frozen(head, 'newest-none-after-period')
          : frozen(after, 'first-after-period'),
      )
    }
    // A log of an earlier quarter is never signed again; one that still grows is, as soon as anything happens.
    if (found.some(({ choice }) => choice === 'first-after-period')) return found
    if (clock.nowMs() >= untilMs) return found
    await pause(1000, undefined, { signal })
  }
}

function frozen(head: LogHead, choice: FrozenCheckpoint['choice']): FrozenCheckpoint {
  const { origin, size, root, signedAtMs, checkpoint: note, vkey } = head
  return { origin, size, root, signedAtMs, note, vkey, choice }
}
