import { Button, Group, Paper, SimpleGrid, Stack, TextInput } from '@mantine/core'
import { useState } from 'react'

import { addressOfFilter, isBlank } from './evidence-filter.ts'
import type { EvidenceFilter } from './evidence-filter.ts'
import { FilterChoices } from './filter-choices.tsx'
import { TimeRange } from '../words/time-range.tsx'

interface FilterFormProps {
  readonly filter: EvidenceFilter
  readonly ask: (filter: EvidenceFilter) => void
}

/** Asks when the person says so: each search is recorded, so it should be the one that was meant. */
export function FilterForm(props: FilterFormProps) {
  // A new address (a link, the browser's back) begins a new draft.
  return <Draft key={addressOfFilter(props.filter).toString()} {...props} />
}

function Draft({ filter, ask }: FilterFormProps) {
  const [draft, setDraft] = useState(filter)
  // Where there is little room what was found comes first, but for conditions that are in force.
  const [isOpen, setOpen] = useState(() => !isBlank({ ...filter, text: '' }))
  const change = (part: Partial<EvidenceFilter>): void => {
    setDraft((before) => ({ ...before, ...part }))
  }
  return (
    <Paper
      withBorder
      p="md"
      component="form"
      role="search"
      onSubmit={(event) => {
        event.preventDefault()
        ask(draft)
      }}
    >
      <Stack gap="sm">
        <Group align="flex-end" gap="sm">
          <TextInput
            label="Search"
            placeholder='customers, "drop table", inv*'
            description={
              'Words, "phrases" and beginnings* in statements, relations, names and errors'
            }
            value={draft.text}
            maxLength={1000}
            style={{ flex: '1 1 18rem' }}
            onChange={(event) => {
              change({ text: event.currentTarget.value })
            }}
          />
          <Button type="submit">Search</Button>
          <Button
            variant="default"
            disabled={isBlank(filter) && isBlank(draft)}
            onClick={() => {
              ask(filterWithout)
              setDraft(filterWithout)
            }}
          >
            Clear
          </Button>
        </Group>
        <Button
          hiddenFrom="sm"
          variant="default"
          size="xs"
          aria-expanded={isOpen}
          onClick={() => {
            setOpen(!isOpen)
          }}
        >
          {isOpen ? 'Fewer conditions' : 'More conditions'}
        </Button>
        <SimpleGrid
          cols={{ base: 2, md: 4, lg: 5 }}
          spacing="sm"
          {...(isOpen ? {} : { visibleFrom: 'sm' })}
        >
          <FilterChoices draft={draft} change={change} />
          <TimeRange from={draft.from} to={draft.to} change={change} />
        </SimpleGrid>
        <Group gap="xs" fz="sm">
          <span>Time:</span>
          {spans.map(({ name, ms }) => (
            <Button
              key={name}
              size="compact-xs"
              variant="default"
              onClick={() => {
                ask({ ...draft, from: Date.now() - ms, to: null })
              }}
            >
              {name}
            </Button>
          ))}
        </Group>
      </Stack>
    </Paper>
  )
}

const spans = [
  { name: 'Last hour', ms: 3_600_000 },
  { name: 'Last 24 hours', ms: 24 * 3_600_000 },
  { name: 'Last 7 days', ms: 7 * 24 * 3_600_000 },
]

const filterWithout: EvidenceFilter = {
  text: '',
  actor: '',
  target: '',
  decision: '',
  outcome: '',
  kind: '',
  relation: '',
  approver: '',
  from: null,
  to: null,
}
