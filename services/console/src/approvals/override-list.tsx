import { Stack, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'

import { allOverrides } from '../api/questions.ts'
import { ProblemAlert } from '../words/problem-alert.tsx'
import { OverrideItem } from './override-item.tsx'

/** Break-glass that waits for its review, however old. Where none does there is nothing to see. */
export function OverrideList() {
  const { data, error } = useQuery(allOverrides)
  if (error !== null) {
    return <ProblemAlert what="Break-glass that waits for review could not be read" error={error} />
  }
  const waiting = data?.overrides.filter(({ review }) => review === null) ?? []
  if (waiting.length === 0) return null
  return (
    <Stack component="section" aria-label="Break-glass to review" gap="sm">
      <Title order={2} size="h3">
        Break-glass to review
      </Title>
      <Stack component="ol" p={0} m={0} style={{ listStyle: 'none' }}>
        {waiting.map((override) => (
          <OverrideItem key={override.approval_id} override={override} />
        ))}
      </Stack>
    </Stack>
  )
}
