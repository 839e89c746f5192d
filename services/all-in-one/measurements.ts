import type { ControlState } from '../api/control/control-state.ts'
import type { Bus } from '../bus/bus.ts'
import type { SpooledRecorder } from '../edge/capture/spooled-recorder.ts'
import type { Indexer } from '../indexer/indexer.ts'
import type { SearchIndex } from '../indexer/search-index.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { Health } from '../runtime/health.ts'
import { systemClock } from '../runtime/clock.ts'
import type { Metrics } from '../runtime/metrics.ts'
import type { Edges } from './edges.ts'

export interface MeasuredParts {
  readonly health: Health
  readonly metrics: Metrics
  readonly recorders: readonly SpooledRecorder[]
  /** Null where there is none in this process. */
  readonly edges: Edges | null
  readonly services: {
    readonly bus: Bus
    readonly ledger: Ledger
    readonly index: SearchIndex
    readonly indexer: Indexer
    readonly control: ControlState
  } | null
}

/** What `/healthz` and `/metrics` tell of the parts of this process. */
export function measure(parts: MeasuredParts): void {
  const { health, metrics, recorders, edges, services } = parts
  for (const recorder of recorders) {
    const name = recorder.producer.replaceAll('-', '_')
    health.add(`capture ${recorder.producer}`, () => {
      const { state } = recorder.stats()
      return state === 'running'
        ? { state: 'ok' }
        : { state: 'degraded', reason: `the spool is ${state}` }
    })
    metrics.measure({
      name: `spool_events_${name}`,
      help: `Events of ${recorder.producer} that wait for the bus`,
      read: () => recorder.stats().spoolEvents,
    })
    metrics.measure({
      name: `spool_bytes_${name}`,
      help: `Bytes of ${recorder.producer} that wait for the bus`,
      read: () => recorder.stats().spoolBytes,
    })
  }
  if (edges !== null) {
    metrics.measure({
      name: 'sessions',
      help: 'Sessions that run now',
      read: () => edges.sessions(),
    })
    const catalogs = [
      ...Array.from(edges.masking, ([target, each]) => [`masking ${target}`, each] as const),
      ...Array.from(edges.routines, ([target, each]) => [`routines ${target}`, each] as const),
    ]
    for (const [part, catalog] of catalogs) health.add(part, () => catalog.health())
    metrics.measure({
      name: 'target_catalogs_degraded',
      help: 'Catalogs of targets that masking or the decision on functions needs and that cannot be read or lack something; /healthz says which',
      read: () => catalogs.filter(([, catalog]) => catalog.health().state !== 'ok').length,
    })
  }
  if (services === null) return
  const { bus, ledger, index, indexer, control } = services
  metrics.measure({
    name: 'ledger_entries',
    help: 'Entries that are sealed and durable',
    read: () => ledger.durableEntries,
  })
  metrics.measure({
    name: 'ledger_lag_records',
    help: 'Records on the bus that are not sealed yet',
    read: () => ledger.lag(bus),
  })
  metrics.measure({
    name: 'index_lag_records',
    help: 'Sealed records that are not in the index yet',
    read: () => indexer.lag().reduce((sum, { records }) => sum + records, 0),
  })
  metrics.measure({
    name: 'overrides_unreviewed',
    help: 'Break-glass overrides that wait for their review',
    read: () => control.overrides.unreviewed.length,
  })
  metrics.measure({
    name: 'overrides_overdue',
    help: 'Break-glass overrides that were not reviewed in time',
    read: () => control.overrides.overdue(systemClock.nowMs()).length,
  })
  metrics.measure({
    name: 'index_dead_letters',
    help: 'Documents that the index refused since the start; they were put aside',
    read: () => index.counts.deadLetters,
  })
  metrics.measure({
    name: 'index_retries',
    help: 'Requests to the index that were sent again since the start',
    read: () => index.counts.retries,
  })
  metrics.measure({
    name: 'index_entries_missing',
    help: 'Sealed entries that the last comparison found nowhere in the index, also after it wrote them again',
    read: () => indexer.reconciled().reduce((sum, { remaining }) => sum + remaining, 0),
  })
  health.add('clock', () => {
    const behindMs = ledger.clockBehindMs
    if (behindMs === 0) return { state: 'ok' }
    const reason = `the clock is ${Math.round(behindMs / 1000)} s behind the newest entry of the ledger: entries are sealed with the time of that one until it has caught up; set the clock right`
    return { state: 'degraded', reason }
  })
  health.add('index', () => {
    const { deadLetters } = index.counts
    return deadLetters === 0
      ? { state: 'ok' }
      : { state: 'degraded', reason: `${deadLetters} documents were refused and put aside` }
  })
}
