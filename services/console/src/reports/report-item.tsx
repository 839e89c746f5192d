import { Alert, Button, Group, Paper, Stack, Text, Title } from '@mantine/core'

import type { ReportRun } from '../api/shapes.ts'
import { bytes } from '../words/quantities.ts'
import { Time } from '../words/time.tsx'
import { ReportOutcome } from './report-outcome.tsx'
import { RunProgress } from './run-progress.tsx'

const triggers = {
  schedule: 'on schedule',
  catch_up: 'made up for a missed run',
  ad_hoc: 'ad hoc',
} as const

interface ReportItemProps {
  readonly run: ReportRun
  readonly isNewest: boolean
}

export function ReportItem({ run, isNewest }: ReportItemProps) {
  return (
    <li id={run.id}>
      <Paper withBorder p="md" component="article" aria-label={`${run.title}, ${run.id}`}>
        <Stack gap="sm">
          <Group justify="space-between" align="flex-start">
            <div>
              <Title order={2} size="h4">
                {run.title}
              </Title>
              <Text size="sm">
                <Time ms={Date.parse(run.from)} withZone={false} /> to{' '}
                <Time ms={Date.parse(run.to)} />
              </Text>
              <Text size="xs" c="dimmed">
                {run.id}, revision {run.revision}, {triggers[run.trigger]}
                {run.generatedAt !== null && (
                  <>
                    , generated <Time ms={Date.parse(run.generatedAt)} />
                  </>
                )}
              </Text>
            </div>
            {run.state === 'done' && (
              <Button
                component="a"
                href={`/v1/reports/${encodeURIComponent(run.id)}/download`}
                download={`${run.id}.zip`}
              >
                Download{run.bundleBytes === null ? '' : ` (${bytes(run.bundleBytes)})`}
              </Button>
            )}
          </Group>
          {run.state === 'running' && <RunProgress progress={run.progress} />}
          {run.state === 'failed' && (
            <Alert color="red" title="The report failed" icon={<span aria-hidden>✕</span>}>
              {run.reason ?? 'It gave no reason; the log of the reporter says more.'} Run it again
              when the cause is gone.
            </Alert>
          )}
          {run.state === 'done' && <ReportOutcome run={run} isOpenAtFirst={isNewest} />}
        </Stack>
      </Paper>
    </li>
  )
}
