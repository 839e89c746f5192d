import { Button, Group, Stack, TextInput } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'

import { postJson } from '../api/request.ts'
import type { Override } from '../api/shapes.ts'
import { ProblemAlert } from '../words/problem-alert.tsx'

/** What another person says of a break-glass afterwards. */
export function ReviewForm({ override }: { readonly override: Override }) {
  const client = useQueryClient()
  const [reason, setReason] = useState('')
  const review = useMutation({
    mutationFn: (verdict: 'justified' | 'not_justified') =>
      postJson<Override>(`/v1/overrides/${override.approval_id}/review`, {
        verdict,
        reason,
        binding_sha256: override.binding_sha256,
      }),
    onSuccess: () => client.invalidateQueries({ queryKey: ['approvals'] }),
  })
  const isReady = reason.trim() !== '' && !review.isPending
  return (
    <Stack gap="xs">
      <Group align="flex-end" gap="sm">
        <TextInput
          label="What you found"
          description="It is recorded with your name"
          required
          flex={1}
          maw={480}
          value={reason}
          onChange={(event) => {
            setReason(event.currentTarget.value)
          }}
        />
        <Button
          disabled={!isReady}
          onClick={() => {
            review.mutate('justified')
          }}
        >
          It was justified
        </Button>
        <Button
          disabled={!isReady}
          variant="default"
          onClick={() => {
            review.mutate('not_justified')
          }}
        >
          It was not
        </Button>
      </Group>
      {review.error !== null && (
        <ProblemAlert what="The review was not taken" error={review.error} />
      )}
    </Stack>
  )
}
