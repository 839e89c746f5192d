import type { FrozenInputs } from '../../reports/frozen.ts'
import type { Entry, LedgerReader } from '../../services/ledger/reader.ts'
import { fingerprintOf } from '../../services/reporter/bundle/keys.ts'
import { freezeCheckpoints } from '../../services/reporter/freeze.ts'
import { runReport } from '../../services/reporter/run-report.ts'
import { systemClock } from '../../services/runtime/clock.ts'
import { dayStartMs } from './a-reported-ledger.ts'
import type { AReportedLedger } from './a-reported-ledger.ts'

const never = new AbortController().signal

/** The bundle of a reporter to whom `told` gives something else than what is sealed; it signs what it then believes. */
export async function bundleOf(
  ledger: AReportedLedger,
  told: (entry: Entry) => readonly Entry[] = (entry) => [entry],
): Promise<Buffer> {
  const { signer } = ledger.options
  const reader = new Proxy(ledger.reader, {
    get: (target, name) => {
      if (name === 'entries') {
        return async function* (...range: Parameters<LedgerReader['entries']>) {
          for await (const entry of target.entries(...range)) yield* told(entry)
        }
      }
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
  const toMs = dayStartMs + 86_400_000
  const trigger = 'ad_hoc'
  const clock = systemClock
  const checkpoints = await freezeCheckpoints({ reader, clock, trigger, toMs, signal: never })
  const frozen: FrozenInputs = {
    reportId: 'au-2-day-2026-11-24',
    revision: 1,
    control: 'au-2',
    title: 'AU-2 Event Logging',
    template: 'au-2/1',
    build: '0.1.0',
    tenant: 'shop',
    trigger,
    fromMs: dayStartMs,
    toMs,
    generatedAtMs: clock.nowMs(),
    assessorNonce: null,
    parameters: {},
    checkpoints,
    previous: null,
    signerVkey: signer.vkey,
    keyFingerprint: fingerprintOf(signer.vkey),
  }
  return runReport({ frozen, reader, signer, signal: never, onProgress: () => undefined })
}
