import { Paper, Stack, Text, Title } from '@mantine/core'
import type { ReactNode } from 'react'

interface NothingHereProps {
  readonly title: string
  /** What to do so that something is here. */
  readonly children: ReactNode
}

export function NothingHere({ title, children }: NothingHereProps) {
  return (
    <Paper withBorder p="xl" role="status">
      <Stack gap="xs" align="center" ta="center">
        <Title order={2} size="h4">
          {title}
        </Title>
        <Text c="dimmed" maw="60ch" component="div">
          {children}
        </Text>
      </Stack>
    </Paper>
  )
}
