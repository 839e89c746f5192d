import { Alert, Badge, Button, Group, Paper, Stack, Text, Title } from '@mantine/core'

import type { ReportRun } from '../api/shapes.ts'
import { bytes, count } from '../words/quantities.ts'
import { Time } from '../words/time.tsx'
import { Determinations } from './determinations.tsx'
import { HowToVerify } from './how-to-verify.tsx'
import { RunProgress } from './run-progress.tsx'

const triggers = {
  schedule: 'on schedule',
  catch_up: 'made up for a missed run',
  ad_hoc: 'ad hoc',
} as const

export function ReportItem({ run }: { readonly run: ReportRun }) {
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
          {run.state === 'done' && (
            <>
              <Group gap="xs">
                {run.population !== null && (
                  <Badge variant="default" size="lg">
                    {count(run.population)} in the population
                  </Badge>
                )}
                {run.exceptions !== null && (
                  <Badge
                    size="lg"
                    variant="light"
                    color={run.exceptions > 0 ? 'orange' : 'teal'}
                    leftSection={<span aria-hidden>{run.exceptions > 0 ? '!' : '✓'}</span>}
                  >
                    {run.exceptions === 0
                      ? 'no exceptions'
                      : `${count(run.exceptions)} ${run.exceptions === 1 ? 'exception' : 'exceptions'}`}
                  </Badge>
                )}
              </Group>
              <Determinations determinations={run.determinations} />
              <HowToVerify run={run} />
            </>
          )}
        </Stack>
      </Paper>
    </li>
  )
}
