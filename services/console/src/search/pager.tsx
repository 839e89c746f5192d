import { Button, Group, Text } from '@mantine/core'
import { Link, useSearchParams } from 'react-router'

interface PagerProps {
  readonly next: string | null
  /** "50 sessions on this page" */
  readonly shown: string
}

/** Pages go from new to old and stand in the address, so the browser's own "back" leads to newer ones. */
export function Pager({ next, shown }: PagerProps) {
  const [address] = useSearchParams()
  const isFirst = !address.has('after')
  return (
    <Group justify="space-between" component="nav" aria-label="Pages of this list">
      <Text size="sm" c="dimmed" role="status">
        {shown}
      </Text>
      <Group gap="xs">
        {!isFirst && (
          <Button component={Link} variant="default" size="xs" to={`?${withAfter(address, null)}`}>
            Newest
          </Button>
        )}
        {next !== null && (
          <Button component={Link} variant="default" size="xs" to={`?${withAfter(address, next)}`}>
            Older
          </Button>
        )}
      </Group>
    </Group>
  )
}

function withAfter(address: URLSearchParams, after: string | null): string {
  const changed = new URLSearchParams(address)
  if (after === null) changed.delete('after')
  else changed.set('after', after)
  return changed.toString()
}
