import { Alert, Button, Stack, Text } from '@mantine/core'

import { ProblemError } from '../api/problem-error.ts'

interface ProblemAlertProps {
  readonly error: unknown
  /** What could not be done, as a clause: "The sessions could not be read". */
  readonly what: string
  readonly retry?: () => void
}

export function ProblemAlert({ error, what, retry }: ProblemAlertProps) {
  const reason = error instanceof Error ? error.message : String(error)
  return (
    <Alert color="red" title={what} icon={<span aria-hidden>!</span>} role="alert">
      <Stack gap="xs" align="flex-start">
        {error instanceof ProblemError && <Text size="sm">{error.title}.</Text>}
        <Text size="sm">{sentence(reason)}</Text>
        {retry !== undefined && !isRefusal(error) && (
          <Button size="xs" variant="default" onClick={retry}>
            Try again
          </Button>
        )}
      </Stack>
    </Alert>
  )
}

/** Reasons are written to stand in lines of other programs as well: small, and without an end. */
function sentence(reason: string): string {
  const end = /[.!?]$/.test(reason) ? '' : '.'
  return `${reason.slice(0, 1).toUpperCase()}${reason.slice(1)}${end}`
}

/** Asking the same again would be refused again. */
function isRefusal(error: unknown): boolean {
  return error instanceof ProblemError && error.status >= 400 && error.status < 429
}
