import { Alert, Anchor, Button, Modal, Stack } from '@mantine/core'
import { useState } from 'react'
import { Link } from 'react-router'

import type { Session } from '../api/shapes.ts'
import { theActor, theSession, theTarget } from './lock-out-choices.ts'
import { LockOutForm } from './lock-out-form.tsx'
import type { LockOutChoice } from './lock-out-form.tsx'

/** Ends the session, or locks out who acts in it, whom they act for, or the target. For those who may. */
export function KillSwitch({ session }: { readonly session: Session }) {
  const [isOpen, setOpen] = useState(false)
  const [done, setDone] = useState<string | null>(null)
  const close = (): void => {
    setOpen(false)
    setDone(null)
  }
  return (
    <>
      <Button
        color="red"
        variant="outline"
        onClick={() => {
          setOpen(true)
        }}
      >
        Kill switch …
      </Button>
      <Modal opened={isOpen} onClose={close} title="Kill switch" size="lg">
        {done === null ? (
          <LockOutForm
            choices={choicesOf(session)}
            onDone={({ subject, name }) => {
              setDone(subject === 'session' ? 'The session ends' : `${name} is locked out`)
            }}
          />
        ) : (
          <Stack align="flex-start">
            <Alert color="teal" title={done} role="status" w="100%">
              What is locked out, and how to let it in again, is under{' '}
              <Anchor component={Link} to="/lockouts" inherit>
                Lockouts
              </Anchor>
              .
            </Alert>
            <Button variant="default" onClick={close}>
              Close
            </Button>
          </Stack>
        )}
      </Modal>
    </>
  )
}

function choicesOf(session: Session): readonly LockOutChoice[] {
  const { actor, target, sessionId, endedAtMs } = session
  const people = [actor, ...actor.on_behalf_of].map(({ subject, issuer, display }) => ({
    ...theActor(subject, display ?? subject),
    issuer,
  }))
  return [...(endedAtMs === null ? [theSession(sessionId)] : []), ...people, theTarget(target)]
}
