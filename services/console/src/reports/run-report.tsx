import { Button, Group, NativeSelect, Paper, Stack, Text } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'

import { allReports } from '../api/questions.ts'
import { postJson } from '../api/request.ts'
import type { ReportRun, ReportRuns } from '../api/shapes.ts'
import { ProblemAlert } from '../words/problem-alert.tsx'
import { TimeRange } from '../words/time-range.tsx'
import type { TimeBounds } from '../words/time-range.tsx'

const controls = [{ value: 'au-2', label: 'AU-2 Event Logging' }]

/** Begins a report; how far it is shows in the list. */
export function RunReport() {
  const client = useQueryClient()
  const [control, setControl] = useState('au-2')
  const [range, setRange] = useState<TimeBounds>({ from: null, to: null })
  const run = useMutation({
    mutationFn: () => postJson<ReportRun>('/v1/reports', { control, ...period(range) }),
    onSuccess: (begun) => {
      client.setQueryData<ReportRuns>(allReports.queryKey, (before) => ({
        reports: [begun, ...(before?.reports ?? []).filter(({ id }) => id !== begun.id)],
      }))
      return client.invalidateQueries({ queryKey: allReports.queryKey })
    },
  })
  return (
    <Paper
      withBorder
      p="md"
      component="form"
      aria-label="Run a report"
      onSubmit={(event) => {
        event.preventDefault()
        run.mutate()
      }}
    >
      <Stack gap="xs">
        <Group align="flex-end" gap="sm">
          <NativeSelect
            label="Control"
            data={controls}
            value={control}
            onChange={(event) => {
              setControl(event.currentTarget.value)
            }}
          />
          <TimeRange
            {...range}
            change={(part) => {
              setRange({ ...range, ...part })
            }}
          />
          <Button type="submit" loading={run.isPending}>
            Run now
          </Button>
        </Group>
        <Text size="xs" c="dimmed">
          Without a period: the 24 hours before now. A report that somebody runs is marked ad hoc.
        </Text>
        {run.error !== null && (
          <ProblemAlert what="The report could not be begun" error={run.error} />
        )}
      </Stack>
    </Paper>
  )
}

function period({ from, to }: TimeBounds): { from?: string; to?: string } {
  return {
    ...(from === null ? {} : { from: new Date(from).toISOString() }),
    ...(to === null ? {} : { to: new Date(to).toISOString() }),
  }
}
