import { TextInput } from '@mantine/core'

import { utcFromInput, utcInput } from './utc-time.ts'

/** In milliseconds since 1970, UTC; null where nothing is said. */
export interface TimeBounds {
  readonly from: number | null
  readonly to: number | null
}

interface TimeRangeProps extends TimeBounds {
  readonly change: (part: Partial<TimeBounds>) => void
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
