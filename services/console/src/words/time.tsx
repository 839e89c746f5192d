import { Text } from '@mantine/core'

import { utcTime } from './utc-time.ts'

interface TimeProps {
  readonly ms: number
  /** False where a heading says UTC. */
  readonly withZone?: boolean
}

export function Time({ ms, withZone = true }: TimeProps) {
  return (
    <Text component="time" inherit dateTime={new Date(ms).toISOString()} className="numbers">
      {utcTime(ms)}
      {withZone ? ' UTC' : ''}
    </Text>
  )
}
