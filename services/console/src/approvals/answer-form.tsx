import { Button, Group, Stack, TextInput } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'

import { postJson } from '../api/request.ts'
import type { Approval } from '../api/shapes.ts'
import { ProblemAlert } from '../words/problem-alert.tsx'

/** The answer is bound to what is shown: if that were another thing by now, it would be refused. */
export function AnswerForm({ approval }: { readonly approval: Approval }) {
  const client = useQueryClient()
  const [reason, setReason] = useState('')
  const answer = useMutation({
    mutationFn: (verdict: 'grant' | 'deny') =>
      postJson<Approval>(`/v1/approvals/${approval.approval_id}/answers`, {
        verdict,
        reason,
        binding_sha256: approval.binding_sha256,
      }),
    onSuccess: () => client.invalidateQueries({ queryKey: ['approvals'] }),
  })
  const isReady = reason.trim() !== '' && !answer.isPending
  return (
    <Stack gap="xs">
      <Group align="flex-end" gap="sm">
        <TextInput
          label="Reason"
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
            answer.mutate('grant')
          }}
        >
          Approve
        </Button>
        <Button
          disabled={!isReady}
          variant="default"
          onClick={() => {
            answer.mutate('deny')
          }}
        >
          Deny
        </Button>
      </Group>
      {answer.error !== null && (
        <ProblemAlert what="The answer was not taken" error={answer.error} />
      )}
    </Stack>
  )
}
