import { TextInput } from '@mantine/core'

import { utcFromInput, utcInput } from '../words/utc-time.ts'
import type { EvidenceFilter } from './evidence-filter.ts'

interface TimeRangeProps {
  readonly from: number | null
  readonly to: number | null
  readonly change: (part: Partial<EvidenceFilter>) => void
}

/** From this moment, up to but without that one. */
export function TimeRange({ from, to, change }: TimeRangeProps) {
  return (
    <>
      <TextInput
        label="From (UTC)"
        type="datetime-local"
        step={1}
        defaultValue={from === null ? '' : utcInput(from)}
        onChange={(event) => {
          change({ from: utcFromInput(event.currentTarget.value) })
        }}
      />
      <TextInput
        label="Before (UTC)"
        type="datetime-local"
        step={1}
        defaultValue={to === null ? '' : utcInput(to)}
        onChange={(event) => {
          change({ to: utcFromInput(event.currentTarget.value) })
        }}
      />
    </>
  )
}
