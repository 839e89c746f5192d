import { Badge, Button, Collapse, Group, Stack } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'

import type { ReportRun } from '../api/shapes.ts'
import { count, counted } from '../words/quantities.ts'
import { Determinations } from './determinations.tsx'
import { HowToVerify } from './how-to-verify.tsx'

interface ReportOutcomeProps {
  readonly run: ReportRun
  readonly isOpenAtFirst: boolean
}

/** What a finished report found: counts at a glance, then each objective. "No exceptions" never stands without what was not shown. */
export function ReportOutcome({ run, isOpenAtFirst }: ReportOutcomeProps) {
  const [isOpen, details] = useDisclosure(isOpenAtFirst)
  return (
    <Stack gap="sm">
      <Group gap="xs">
        {run.population !== null && (
          <Badge variant="default" size="lg">
            {count(run.population)} in the population
          </Badge>
        )}
        {run.exceptions !== null && run.exceptions > 0 && (
          <Badge size="lg" variant="light" color="orange" leftSection={<span aria-hidden>!</span>}>
            {counted(run.exceptions, 'exception')}
          </Badge>
        )}
        {countsOf(run.determinations).map(([determination, objectives]) => (
          <Badge key={determination} size="lg" variant="default">
            {determination.replaceAll(/[_-]/g, ' ')}: {counted(objectives, 'objective')}
          </Badge>
        ))}
        <Button size="compact-xs" variant="default" aria-expanded={isOpen} onClick={details.toggle}>
          {isOpen ? 'Hide the details' : 'Show the details'}
        </Button>
      </Group>
      <Collapse expanded={isOpen} keepMounted={false}>
        <Stack gap="sm">
          <Determinations determinations={run.determinations} />
          <HowToVerify run={run} />
        </Stack>
      </Collapse>
    </Stack>
  )
}

function countsOf(determinations: ReportRun['determinations']): readonly [string, number][] {
  const counts = new Map<string, number>()
  for (const { determination } of determinations) {
    counts.set(determination, (counts.get(determination) ?? 0) + 1)
  }
  return [...counts]
}
