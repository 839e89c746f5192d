import { Alert, Button, List, Stack, Text } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'

import { oneEntry } from '../api/questions.ts'
import type { Entry, Proof } from '../api/shapes.ts'
import { ProblemAlert } from '../words/problem-alert.tsx'
import { checkProof } from './check-proof.ts'
import type { Check, ClaimedPayload } from './check-proof.ts'

/** Computes the proof here, in the browser, and says what came out of it. */
export function ProofCheck({ proof }: { readonly proof: Proof }) {
  const client = useQueryClient()
  const run = useMutation({
    mutationFn: async () => {
      const entry = await client.fetchQuery(oneEntry(proof.log, proof.position))
      return checkProof(proof, payloadOf(entry))
    },
  })
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
        loading={run.isPending}
        onClick={() => {
          run.mutate()
        }}
      >
        Verify in this browser
      </Button>
      {run.error !== null && (
        <ProblemAlert what="The sealed entry could not be read" error={run.error} />
      )}
      {run.data !== undefined && <Verdict checks={run.data} />}
    </Stack>
  )
}

function payloadOf({ saltBase64, payloadBase64, statement }: Entry): ClaimedPayload | null {
  if (saltBase64 === null || payloadBase64 === null) return null
  return { saltBase64, payloadBase64, statement }
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
      title={isRefused ? 'Refused' : isPartial ? 'Verified in part' : 'Verified'}
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
            Computed here from the bytes of the entry, the path and the checkpoint. Whether the key
            is the log's own you learn another way than from this page: compare it with what its
            operator told you.
          </Text>
        )}
      </Stack>
    </Alert>
  )
}
