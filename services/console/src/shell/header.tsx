import { Anchor, Button, Group, Text, Title, VisuallyHidden } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { NavLink } from 'react-router'

import { ProblemError } from '../api/problem-error.ts'
import { postNothing } from '../api/request.ts'
import type { SignedIn } from '../api/shapes.ts'
import { pagesOf } from './pages.ts'
import { SchemeButton } from './scheme-button.tsx'

export function Header({ me }: { readonly me: SignedIn }) {
  const client = useQueryClient()
  const signOut = useMutation({
    mutationFn: () => postNothing('/auth/logout'),
    // Nothing of what this person saw stays in the page.
    onSuccess: () => {
      client.clear()
      window.location.assign('/')
    },
  })
  return (
    <Group h="100%" px="md" justify="space-between" gap="sm" className="page-header">
      <Title order={2} size="h4" component="div">
        Affidavit
      </Title>
      <Group component="nav" gap="xs" wrap="nowrap" aria-label="Pages" className="page-links">
        {pagesOf(me).map(({ path, name }) => (
          <Anchor key={path} component={NavLink} to={path} className="page-link">
            {name}
          </Anchor>
        ))}
      </Group>
      <Group gap="xs" wrap="nowrap">
        <SchemeButton />
        <Text size="sm" truncate maw={180} title={me.subject}>
          <VisuallyHidden>Signed in as </VisuallyHidden>
          {me.display ?? me.subject}
        </Text>
        <Button
          size="xs"
          variant="default"
          loading={signOut.isPending}
          onClick={() => {
            signOut.mutate()
          }}
        >
          Sign out
        </Button>
        {signOut.error instanceof ProblemError && (
          <Text size="xs" c="red" role="alert">
            You are still signed in: {signOut.error.message}
          </Text>
        )}
      </Group>
    </Group>
  )
}
