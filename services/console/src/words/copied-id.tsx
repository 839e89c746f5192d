import { Button, CopyButton, Text } from '@mantine/core'

interface CopiedIdProps {
  /** What it is the id of. */
  readonly of: string
  readonly id: string
}

/** An id or a digest, to be named elsewhere: in a command, in a ticket. */
export function CopiedId({ of, id }: CopiedIdProps) {
  return (
    <Text span inherit>
      <span className="mono exact">{id}</span>{' '}
      <CopyButton value={id}>
        {({ copied, copy }) => (
          <Button
            size="compact-xs"
            variant="subtle"
            fz="inherit"
            onClick={copy}
            aria-label={`Copy: ${of}`}
          >
            {copied ? 'Copied' : 'Copy'}
          </Button>
        )}
      </CopyButton>
    </Text>
  )
}
