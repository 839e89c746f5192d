import { Button, Group, Radio, Stack } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'

import { postJson } from '../api/request.ts'
import type { Lockout } from '../api/shapes.ts'
import { ProblemAlert } from '../words/problem-alert.tsx'
import { ReasonField } from '../words/reason-field.tsx'

/** Whom or what the kill switch can meet here, and what it does to them. */
export interface LockOutChoice extends Pick<Lockout, 'subject' | 'name'> {
  /** Of an actor; the api's own where it is missing. */
  readonly issuer?: string
  readonly label: string
  readonly does: string
}

interface LockOutFormProps {
  /** The first one is chosen until another is. */
  readonly choices: readonly LockOutChoice[]
  readonly onDone: (lockout: Lockout) => void
}

export function LockOutForm({ choices, onDone }: LockOutFormProps) {
  const client = useQueryClient()
  const [chosen, setChosen] = useState('0')
  const [reason, setReason] = useState('')
  const choice = choices[Number(chosen)]
  const lockOut = useMutation({
    mutationFn: ({ subject, name, issuer }: LockOutChoice) =>
      postJson<Lockout>('/v1/lockouts', { subject, name, issuer, reason }),
    onSuccess: (lockout) => {
      onDone(lockout)
      return client.invalidateQueries({ queryKey: ['lockouts'] })
    },
  })
  return (
    <form
      aria-label="Kill switch"
      onSubmit={(event) => {
        event.preventDefault()
        if (choice !== undefined) lockOut.mutate(choice)
      }}
    >
      <Stack gap="sm">
        {choices.length > 1 && (
          <Radio.Group label="What" value={chosen} onChange={setChosen}>
            <Stack gap="xs" mt={4}>
              {choices.map(({ label, does }, index) => (
                <Radio key={label} value={String(index)} label={label} description={does} />
              ))}
            </Stack>
          </Radio.Group>
        )}
        <Group align="flex-end" gap="sm">
          <ReasonField maxLength={500} value={reason} onChange={setReason} />
          <Button
            type="submit"
            color="red"
            loading={lockOut.isPending}
            disabled={choice === undefined || choice.name === '' || reason.trim() === ''}
          >
            {choice?.subject === 'session' ? 'End it' : 'Lock out'}
          </Button>
        </Group>
        {lockOut.error !== null && (
          <ProblemAlert what="Nothing was locked out" error={lockOut.error} />
        )}
      </Stack>
    </form>
  )
}
