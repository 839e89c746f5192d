import { Group, NativeSelect, Paper, Stack, TextInput } from '@mantine/core'
import { useState } from 'react'

import { theActor, theTarget } from './lock-out-choices.ts'
import { LockOutForm } from './lock-out-form.tsx'

const subjects = [
  { value: 'actor', label: 'an actor, by its subject' },
  { value: 'target', label: 'a target' },
]

/** For whoever has no session before him. */
export function LockOutByName() {
  const [subject, setSubject] = useState('actor')
  const [name, setName] = useState('')
  const choice = subject === 'actor' ? theActor(name.trim()) : theTarget(name.trim())
  return (
    <Paper withBorder p="md">
      <Stack gap="sm">
        <Group gap="sm">
          <NativeSelect
            label="Lock out"
            data={subjects}
            value={subject}
            onChange={(event) => {
              setSubject(event.currentTarget.value)
            }}
          />
          <TextInput
            label="Name"
            value={name}
            onChange={(event) => {
              setName(event.currentTarget.value)
            }}
          />
        </Group>
        <LockOutForm
          choices={[choice]}
          onDone={() => {
            setName('')
          }}
        />
      </Stack>
    </Paper>
  )
}
