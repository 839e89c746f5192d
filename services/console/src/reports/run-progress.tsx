import { Progress, Stack, Text } from '@mantine/core'

import type { ReportRun } from '../api/shapes.ts'
import { count } from '../words/quantities.ts'

export function RunProgress({ progress }: { readonly progress: ReportRun['progress'] }) {
  const { phase, done, total } = progress
  const isCounted = total > 0
  return (
    <Stack gap={4}>
      <Text size="sm" role="status">
        {phase === '' ? 'Running' : phase}
        {isCounted ? `: ${count(done)} of ${count(total)}` : ' …'}
      </Text>
      <Progress.Root size="lg">
        <Progress.Section
          value={isCounted ? Math.min(100, (done / total) * 100) : 100}
          animated={!isCounted}
          striped={!isCounted}
          aria-label={phase === '' ? 'Running' : phase}
        />
      </Progress.Root>
    </Stack>
  )
}
