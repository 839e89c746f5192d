import { Button, Group, Paper, Stack, Text } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'

import { postJson } from '../api/request.ts'
import type { Approval } from '../api/shapes.ts'
import { ProblemAlert } from '../words/problem-alert.tsx'
import { ReasonField } from '../words/reason-field.tsx'

/** For the person who asks, or for whom an agent asks: no approval, but a use of its own that another person reviews. */
export function BreakGlassForm({ approval }: { readonly approval: Approval }) {
  const client = useQueryClient()
  const [reason, setReason] = useState('')
  const override = useMutation({
    mutationFn: () =>
      postJson<Approval>(`/v1/approvals/${approval.approval_id}/override`, {
        reason,
        binding_sha256: approval.binding_sha256,
      }),
    onSuccess: () => client.invalidateQueries({ queryKey: ['approvals'] }),
  })
  const hours = approval.requirements.flatMap(({ break_glass: each }) =>
    each === null ? [] : [each.review_within_hours],
  )
  return (
    <Paper
      withBorder
      p="sm"
      component="form"
      aria-label="Break the glass"
      style={{ borderColor: 'var(--mantine-color-red-6)', borderStyle: 'dashed' }}
      onSubmit={(event) => {
        event.preventDefault()
        override.mutate()
      }}
    >
      <Stack gap="xs">
        <Text size="sm" fw={600}>
          Only in an emergency: break the glass
        </Text>
        <Text size="sm" maw="75ch">
          It runs once without anybody&rsquo;s approval. Another person reviews within{' '}
          {Math.min(...hours)} h whether that was justified; until an overdue review is done,
          neither you nor agents for you begin new sessions.
        </Text>
        <Group align="flex-end" gap="sm">
          <ReasonField label="Why it cannot wait" value={reason} onChange={setReason} />
          <Button
            type="submit"
            color="red"
            variant="outline"
            loading={override.isPending}
            disabled={reason.trim() === ''}
          >
            Break the glass
          </Button>
        </Group>
        {override.error !== null && (
          <ProblemAlert what="The glass was not broken" error={override.error} />
        )}
      </Stack>
    </Paper>
  )
}
