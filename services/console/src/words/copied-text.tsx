import { Box, Button, Code, CopyButton, Group, Stack, Text } from '@mantine/core'

import { shownText } from '../../../runtime/shown-text.ts'

interface CopiedTextProps {
  readonly label: string
  readonly text: string
}

/** Exact text, to be read in full and copied: what is copied is the text itself, where what is shown names what cannot be seen. */
export function CopiedText({ label, text }: CopiedTextProps) {
  return (
    <Stack gap={4}>
      <Group justify="space-between">
        <Text size="sm" fw={600}>
          {label}
        </Text>
        <CopyButton value={text}>
          {({ copied, copy }) => (
            <Button size="compact-xs" variant="subtle" onClick={copy} aria-label={`Copy: ${label}`}>
              {copied ? 'Copied' : 'Copy'}
            </Button>
          )}
        </CopyButton>
      </Group>
      <Box tabIndex={0} role="group" aria-label={label} mah={420} style={{ overflow: 'auto' }}>
        <Code block className="exact">
          {shownText(text)}
        </Code>
      </Box>
    </Stack>
  )
}
