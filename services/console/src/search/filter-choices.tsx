import { Autocomplete, NativeSelect, TextInput } from '@mantine/core'
import type { ChangeEvent } from 'react'

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
      'access.denied',
      'access.revoked',
      'access.granted',
      'approval.requested',
      'approval.granted',
      'approval.denied',
      'approval.used',
      'approval.overridden',
      'override.reviewed',
      'override.overdue',
      'credential.issued',
      'policy.published',
      'config.changed',
    ],
  },
  { group: 'Lost, or no event', items: ['gap.detected', 'quarantined'] },
]

type Word = 'actor' | 'target' | 'decision' | 'outcome' | 'relation' | 'approver'

export function FilterChoices({ draft, change }: FilterChoicesProps) {
  const typed = (word: Word) => ({
    value: draft[word],
    onChange(event: ChangeEvent<HTMLInputElement | HTMLSelectElement>) {
      change({ [word]: event.currentTarget.value })
    },
  })
  return (
    <>
      <TextInput label="Actor" placeholder="name or subject" {...typed('actor')} />
      <TextInput label="Target" placeholder="exact name" {...typed('target')} />
      <NativeSelect label="Decision" data={decisions} {...typed('decision')} />
      <NativeSelect label="Outcome" data={outcomes} {...typed('outcome')} />
      <Autocomplete
        label="Kind"
        placeholder="operation or event type"
        data={kinds}
        value={draft.kind}
        onChange={(kind) => {
          change({ kind })
        }}
      />
      <TextInput label="Relation" placeholder="public.customers" {...typed('relation')} />
      <TextInput label="Approver" placeholder="who approved or denied" {...typed('approver')} />
    </>
  )
}
