import { Button, Group, Paper, Stack, Text, Title } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'

import { postJson } from '../api/request.ts'
import type { Lockout } from '../api/shapes.ts'
import { ProblemAlert } from '../words/problem-alert.tsx'
import { ReasonField } from '../words/reason-field.tsx'
import { Time } from '../words/time.tsx'

/** One lockout in force, which another reason lifts. */
export function LockoutItem({ lockout }: { readonly lockout: Lockout }) {
  const { subject, name, issuer, since } = lockout
  const client = useQueryClient()
  const [reason, setReason] = useState('')
  const lift = useMutation({
    mutationFn: () =>
      postJson('/v1/lockouts/lift', { subject, name, issuer: issuer ?? undefined, reason }),
    onSuccess: () => client.invalidateQueries({ queryKey: ['lockouts'] }),
  })
  return (
    <li>
      <Paper
        withBorder
        p="md"
        component="form"
        aria-label={`${subject} ${name}`}
        onSubmit={(event) => {
          event.preventDefault()
          lift.mutate()
        }}
      >
        <Stack gap="xs">
          <Title order={2} size="h4">
            {subject} {name}
          </Title>
          <Text size="xs" c="dimmed">
            since <Time ms={Date.parse(since)} />
            {issuer === null ? '' : `, of ${issuer}`}
          </Text>
          <Text size="sm">{lockout.reason}</Text>
          <Group align="flex-end" gap="sm">
            <ReasonField
              label="Why it may come in again"
              maxLength={500}
              value={reason}
              onChange={setReason}
            />
            <Button
              type="submit"
              variant="default"
              loading={lift.isPending}
              disabled={reason.trim() === ''}
            >
              Let in again
            </Button>
          </Group>
          {lift.error !== null && <ProblemAlert what="It was not lifted" error={lift.error} />}
        </Stack>
      </Paper>
    </li>
  )
}
