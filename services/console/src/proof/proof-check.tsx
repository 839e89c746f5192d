import { Alert, Button, List, Stack, Text } from '@mantine/core'
import { useState } from 'react'

import type { Proof } from '../api/shapes.ts'
import { checkProof } from './check-proof.ts'
import type { Check } from './check-proof.ts'

/** Computes the proof here, in the browser, and says what came out of it. */
export function ProofCheck({ proof }: { readonly proof: Proof }) {
  const [checks, setChecks] = useState<readonly Check[] | null>(null)
  if (typeof crypto === 'undefined' || !('subtle' in crypto)) {
    return (
      <Alert color="yellow" title="This page cannot compute hashes">
        Browsers allow that only over https or from this machine. Download the proof and check it
        elsewhere.
      </Alert>
    )
  }
  return (
    <Stack gap="xs">
      <Button
        style={{ alignSelf: 'flex-start' }}
        onClick={() => void checkProof(proof).then(setChecks)}
      >
        Verify in this browser
      </Button>
      {checks !== null && <Verdict checks={checks} />}
    </Stack>
  )
}

const marks = { holds: '✓', fails: '✕', not_checked: '–' } as const
const words = { holds: 'holds', fails: 'does not hold', not_checked: 'not checked' } as const

function Verdict({ checks }: { readonly checks: readonly Check[] }) {
  const isRefused = checks.some(({ result }) => result === 'fails')
  const isPartial = checks.some(({ result }) => result === 'not_checked')
  return (
    <Alert
      role="status"
      color={isRefused ? 'red' : isPartial ? 'yellow' : 'teal'}
      icon={<span aria-hidden>{isRefused ? '✕' : '✓'}</span>}
      title={isRefused ? 'Refused' : isPartial ? 'Verified, but for the signature' : 'Verified'}
    >
      <Stack gap="xs">
        <List listStyleType="none" spacing={4} size="sm">
          {checks.map(({ what, result, detail }) => (
            <List.Item key={what}>
              <span aria-hidden>{marks[result]} </span>
              {what}: <strong>{words[result]}</strong>
              <Text size="xs" ff="monospace" className="exact" c="dimmed">
                {detail}
              </Text>
            </List.Item>
          ))}
        </List>
        {!isRefused && (
          <Text size="xs">
            Computed here from the leaf, the path and the checkpoint. Whether the key is the log's
            own you learn another way than from this page: compare it with what its operator told
            you.
          </Text>
        )}
      </Stack>
    </Alert>
  )
}
