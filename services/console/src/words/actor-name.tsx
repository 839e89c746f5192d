import { Badge, Group, Stack, Text } from '@mantine/core'

import type { Actor } from '../api/shapes.ts'

/** Who acts, and the person it acts for. */
export function ActorName({ actor }: { readonly actor: Actor }) {
  return (
    <Stack gap={0}>
      <Group gap="0 6px">
        <Text inherit fw={600}>
          {actor.display ?? actor.subject}
        </Text>
        <ActorKind kind={actor.kind} />
      </Group>
      {actor.on_behalf_of.length > 0 && (
        <Text size="xs" c="dimmed">
          on behalf of{' '}
          {actor.on_behalf_of.map((person) => person.display ?? person.subject).join(', ')}
        </Text>
      )}
    </Stack>
  )
}

export function ActorKind({ kind }: { readonly kind: string }) {
  return (
    <Badge size="xs" variant="default" radius="sm" style={{ flexShrink: 0 }}>
      {kind}
    </Badge>
  )
}
