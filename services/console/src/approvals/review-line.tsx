import { Text } from '@mantine/core'

import type { Override } from '../api/shapes.ts'
import { Time } from '../words/time.tsx'

type ReviewLineProps = Pick<Override, 'review' | 'due_at' | 'is_overdue'>

/** What another person found of a break-glass, or until when somebody has to look. */
export function ReviewLine({ review, due_at: dueAt, is_overdue: isOverdue }: ReviewLineProps) {
  if (review !== null) {
    const { by, verdict, reason } = review
    return (
      <Text size="sm">
        Found {verdict === 'justified' ? 'justified' : 'not justified'} by{' '}
        {by.display ?? by.subject}: {reason}
      </Text>
    )
  }
  return (
    <Text size="sm" fw={isOverdue ? 600 : 400} c={isOverdue ? 'red' : 'inherit'}>
      {isOverdue ? 'Overdue: it should have been reviewed by' : 'To be reviewed until'}{' '}
      <Time ms={Date.parse(dueAt)} />
    </Text>
  )
}
