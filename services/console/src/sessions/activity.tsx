import { Button, Collapse, Group, Paper, Stack, Text, Title } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { useQuery } from '@tanstack/react-query'

import { activityThatFits } from '../api/questions.ts'
import type { EvidenceFilter } from '../search/evidence-filter.ts'
import { ProblemAlert } from '../words/problem-alert.tsx'
import { ActivityChart } from './activity-chart.tsx'
import { ActivityTable } from './activity-table.tsx'
import { hoursOf } from './hours.ts'

/** Statements per hour, drawn, and as numbers for whoever cannot or does not want to read a drawing. */
export function Activity({ filter }: { readonly filter: EvidenceFilter }) {
  const { actor, target, from, to } = filter
  const activity = useQuery(activityThatFits({ actor, target, from, to }))
  const [areNumbersShown, numbers] = useDisclosure(false)
  if (activity.error !== null) {
    return <ProblemAlert what="The activity could not be read" error={activity.error} />
  }
  const hours = hoursOf(activity.data?.buckets ?? [])
  if (hours.length === 0) return null
  return (
    <Paper withBorder p="md" component="section" aria-label="Activity">
      <Stack gap="xs">
        <Group justify="space-between">
          <Title order={2} size="h5">
            Statements per hour
          </Title>
          <Group gap="md">
            <Text size="xs" c="dimmed">
              Follows actor, target and time; whole hours
            </Text>
            <Button
              size="compact-xs"
              variant="default"
              aria-expanded={areNumbersShown}
              onClick={numbers.toggle}
            >
              {areNumbersShown ? 'Hide the numbers' : 'Show the numbers'}
            </Button>
          </Group>
        </Group>
        <ActivityChart hours={hours} />
        <Collapse expanded={areNumbersShown} keepMounted={false}>
          <ActivityTable hours={hours} />
        </Collapse>
      </Stack>
    </Paper>
  )
}
