import { Button, Group, Stack } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'

import { ProblemAlert } from '../words/problem-alert.tsx'
import { ReasonField } from '../words/reason-field.tsx'

interface VerdictFormProps<Verdict extends string> {
  readonly label: string
  /** The first one is the usual one; each with what its button says. */
  readonly verdicts: readonly (readonly [verdict: Verdict, words: string])[]
  readonly say: (verdict: Verdict, reason: string) => Promise<unknown>
  /** What was said has been taken; the form may be gone by the next moment. */
  readonly onSaid?: (verdict: Verdict) => void
  /** What did not happen, where it fails. */
  readonly failure: string
}

/** A verdict with a reason. It is bound to what is shown: if that were another thing by now, it would be refused. */
export function VerdictForm<Verdict extends string>(props: VerdictFormProps<Verdict>) {
  const client = useQueryClient()
  const [reason, setReason] = useState('')
  const said = useMutation({
    mutationFn: (verdict: Verdict) => props.say(verdict, reason),
    onSuccess: (_answer, verdict) => {
      props.onSaid?.(verdict)
      return client.invalidateQueries({ queryKey: ['approvals'] })
    },
  })
  return (
    <Stack gap="xs">
      <Group align="flex-end" gap="sm">
        <ReasonField label={props.label} value={reason} onChange={setReason} />
        {props.verdicts.map(([verdict, words], index) => (
          <Button
            key={verdict}
            disabled={reason.trim() === '' || said.isPending}
            variant={index === 0 ? 'filled' : 'default'}
            onClick={() => {
              said.mutate(verdict)
            }}
          >
            {words}
          </Button>
        ))}
      </Group>
      {said.error !== null && <ProblemAlert what={props.failure} error={said.error} />}
    </Stack>
  )
}
