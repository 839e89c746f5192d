import { Alert, Badge } from '@mantine/core'

import type { Undone } from './rolled-back.ts'

interface UndoneProps {
  readonly undone: Undone
}

/** Beside the outcome of a statement that ran: that what it did did not last. */
export function UndoneBadge({ undone: { by } }: UndoneProps) {
  return (
    <Badge color="orange" variant="light" leftSection={<span aria-hidden>↶</span>}>
      {by === null ? 'not committed' : 'rolled back'}
    </Badge>
  )
}

export function UndoneAlert({ undone: { by } }: UndoneProps) {
  const what = 'What it changed did not last; what it answered was answered.'
  const how =
    by === null
      ? 'The session ended inside its transaction, and no COMMIT of it is recorded.'
      : `Its transaction was rolled back by statement ${by}.`
  return (
    <Alert
      color="orange"
      title={by === null ? 'Ran, and was not committed' : 'Ran, and was rolled back'}
      icon={<span aria-hidden>↶</span>}
    >
      {how} {what} This is told from what was recorded of the whole session.
    </Alert>
  )
}
