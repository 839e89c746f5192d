import { Text } from '@mantine/core'

import { utcTime } from './utc-time.ts'

interface TimeProps {
  readonly ms: number
  /** False where a heading says UTC. */
  readonly withZone?: boolean
}

/** Breaks between date and time where there is little room, and nowhere else. */
export function Time({ ms, withZone = true }: TimeProps) {
  const [date, time] = utcTime(ms).split(' ')
  return (
    <Text component="time" inherit dateTime={new Date(ms).toISOString()}>
      <span className="numbers">{date}</span>{' '}
      <span className="numbers">
        {time}
        {withZone ? ' UTC' : ''}
      </span>
    </Text>
  )
}
