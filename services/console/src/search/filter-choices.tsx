import { Autocomplete, NativeSelect, TextInput } from '@mantine/core'

import type { EvidenceFilter } from './evidence-filter.ts'

interface FilterChoicesProps {
  readonly draft: EvidenceFilter
  readonly change: (part: Partial<EvidenceFilter>) => void
}

const decisions = [
  { value: '', label: 'any' },
  { value: 'allow', label: 'allowed' },
  { value: 'block', label: 'blocked' },
  { value: 'hold', label: 'held' },
  { value: 'mask', label: 'masked' },
]

const outcomes = [
  { value: '', label: 'any' },
  { value: 'ok', label: 'ok' },
  { value: 'error', label: 'error' },
  { value: 'refused', label: 'refused' },
  { value: 'cancelled', label: 'cancelled' },
  { value: 'unknown', label: 'unknown' },
]

// Operations of statements, then types of events. Anything else can be typed.
const kinds = [
  { group: 'Operation', items: ['select', 'insert', 'update', 'delete', 'copy', 'drop', 'create'] },
  {
    group: 'Event',
    items: [
      'session.started',
      'auth.failed',
      'approval.requested',
      'approval.granted',
      'approval.denied',
      'approval.used',
      'approval.overridden',
      'override.reviewed',
      'override.overdue',
      'credential.issued',
      'policy.published',
    ],
  },
  { group: 'Lost, or no event', items: ['gap.detected', 'quarantined'] },
]

export function FilterChoices({ draft, change }: FilterChoicesProps) {
  return (
    <>
      <TextInput
        label="Actor"
        placeholder="name or subject"
        value={draft.actor}
        onChange={(event) => {
          change({ actor: event.currentTarget.value })
        }}
      />
      <TextInput
        label="Target"
        placeholder="exact name"
        value={draft.target}
        onChange={(event) => {
          change({ target: event.currentTarget.value })
        }}
      />
      <NativeSelect
        label="Decision"
        data={decisions}
        value={draft.decision}
        onChange={(event) => {
          change({ decision: event.currentTarget.value })
        }}
      />
      <NativeSelect
        label="Outcome"
        data={outcomes}
        value={draft.outcome}
        onChange={(event) => {
          change({ outcome: event.currentTarget.value })
        }}
      />
      <Autocomplete
        label="Kind"
        placeholder="operation or event type"
        data={kinds}
        value={draft.kind}
        onChange={(kind) => {
          change({ kind })
        }}
      />
      <TextInput
        label="Relation"
        placeholder="public.customers"
        value={draft.relation}
        onChange={(event) => {
          change({ relation: event.currentTarget.value })
        }}
      />
      <TextInput
        label="Approver"
        placeholder="who approved or denied"
        value={draft.approver}
        onChange={(event) => {
          change({ approver: event.currentTarget.value })
        }}
      />
    </>
  )
}
