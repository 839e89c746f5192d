import { createHash } from 'node:crypto'

import type { AuditEvent } from '../../schemas/event.ts'
import { formatMicroseconds } from '../../services/ledger/log/timestamp.ts'
import type { FrozenInputs } from '../../reports/frozen.ts'
import { conclude, newFacts } from '../../reports/au-2/report.ts'
import type { Au2Result } from '../../reports/au-2/report.ts'
import type { PopulationEvent } from '../../reports/population-row.ts'
import { anActor, anEvent } from '../support/an-event.ts'

export const fromMs = Date.UTC(2026, 10, 24)
export const frozen: FrozenInputs = {
  reportId: 'r1',
  revision: 1,
  control: 'au-2',
  title: 'AU-2',
  template: 'au-2/3',
  build: '0',
  tenant: 'shop',
  trigger: 'ad_hoc',
  fromMs,
  toMs: fromMs + 86_400_000,
  generatedAtMs: fromMs,
  assessorNonce: null,
  parameters: { heartbeat: '30 seconds' },
  checkpoints: [],
  previous: null,
  signerVkey: '',
  keyFingerprint: '',
}
export const inSession = {
  session_id: 's1',
  actor: anActor(),
  target: { name: 'shop', kind: 'postgres', address: 'x' },
  source: { address: '127.0.0.1', port: 1, tls: null },
} as const

/** What the rules find in these events, each a second after the one before unless it says when. */
export function resultOf(
  events: readonly Partial<AuditEvent>[],
  endMs = frozen.toMs,
  isErased: (event: AuditEvent) => boolean = () => false,
): Au2Result {
  const facts = newFacts(frozen)
  let projected = 0
  events.forEach((each, index) => {
    const event = anEvent({
      producer_seq: index,
      occurred_at: (fromMs + 1000 * (index + 1)) * 1000,
      ...each,
    })
    const entry = sealed(event, index + 1)
    const given = isErased(event) ? { ...entry, event: null } : entry
    facts.take(given, event.occurred_at, event.occurred_at + 500, false)
    if (event.occurred_at >= fromMs * 1000 && event.occurred_at < frozen.toMs * 1000) projected += 1
  })
  facts.end(endMs * 1000)
  const rest = { genesis: 1, losses: 0, quarantined: 0, duplicates: 0, outsidePeriod: 0 }
  return conclude(frozen, facts, { ...rest, entries: 0, projected, scanned: projected })
}

export function sealed(event: AuditEvent, position: number): PopulationEvent {
  const time = formatMicroseconds(event.occurred_at)
  return {
    log: 'log',
    position,
    leafHash: createHash('sha256').update(String(position)).digest(),
    event,
    leaf: {
      v: 1,
      type: 'event',
      log: 'log',
      seq: position,
      prev: '',
      rt: time,
      topic: '',
      part: 0,
      off: position,
      poff: position - 1,
      lepoch: -1,
      evt: event.id,
      et: time,
      prod: event.producer,
      pseq: event.producer_seq,
      cty: '',
      csz: 0,
      com: '',
      ix: { type: event.type },
    },
  }
}

export function foundBy(result: Au2Result, rule: string): readonly string[] {
  return (result.rules.get(rule)?.exceptions ?? []).map(({ sentence }) => sentence)
}
