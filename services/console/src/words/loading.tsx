import { Group, Loader, Text } from '@mantine/core'

export function Loading({ what }: { readonly what: string }) {
  return (
    <Group gap="sm" p="md" role="status">
      <Loader size="sm" aria-hidden />
      <Text c="dimmed">{what}</Text>
    </Group>
  )
}
