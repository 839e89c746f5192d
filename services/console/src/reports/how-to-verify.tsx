import { Stack, Text } from '@mantine/core'

import type { ReportRun } from '../api/shapes.ts'
import { CopiedText } from '../words/copied-text.tsx'

/** The line that checks the downloaded bundle, and what it is checked against. */
export function HowToVerify({ run }: { readonly run: ReportRun }) {
  if (run.keyFingerprint === null) return null
  return (
    <Stack gap="xs">
      <CopiedText label="Signing key (SHA-256)" text={run.keyFingerprint} />
      <CopiedText
        label="Check the download"
        text={`affidavit verify ${run.id}.zip --key ${run.keyFingerprint}`}
      />
      {run.bundleSha256 !== null && <CopiedText label="Bundle (SHA-256)" text={run.bundleSha256} />}
      <Text size="xs" c="dimmed">
        A fingerprint read from here proves little to an outsider: its owner should have it from the
        operator, on another way, before the period begins.
      </Text>
    </Stack>
  )
}
