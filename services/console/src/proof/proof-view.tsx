import { Button, Group, Stack, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'

import { proofOf } from '../api/questions.ts'
import { CopiedText } from '../words/copied-text.tsx'
import { Loading } from '../words/loading.tsx'
import { ProblemAlert } from '../words/problem-alert.tsx'
import { count } from '../words/quantities.ts'
import { leafText } from './leaf-text.ts'
import { ProofCheck } from './proof-check.tsx'

interface ProofViewProps {
  readonly log: string
  readonly position: number
}

export function ProofView({ log, position }: ProofViewProps) {
  const { data: proof, error, refetch } = useQuery(proofOf(log, position))
  if (proof === undefined) {
    if (error === null) return <Loading what="Reading the proof …" />
    return (
      <ProblemAlert what="The proof could not be read" error={error} retry={() => void refetch()} />
    )
  }
  return (
    <Stack>
      <Text size="sm">
        Entry {count(position)} of {count(proof.size)} in the log <strong>{log}</strong>. The proof
        leads from the entry's leaf to the root of a checkpoint that the log signed: if the entry
        were changed, moved or taken out, it would not.
      </Text>
      <ProofCheck proof={proof} />
      <Group gap="xs">
        <Button
          component="a"
          variant="default"
          size="xs"
          href={`data:text/plain;charset=utf-8,${encodeURIComponent(proof.tlogProof)}`}
          download={`${fileName(log)}-${position}.tlog-proof`}
        >
          Download the proof (tlog-proof)
        </Button>
        <Button
          component="a"
          variant="default"
          size="xs"
          href={`data:application/json;base64,${proof.leafBase64}`}
          download={`${fileName(log)}-${position}.leaf.json`}
        >
          Download the leaf
        </Button>
      </Group>
      <CopiedText label="Leaf" text={leafText(proof.leafBase64)} />
      <CopiedText label="Leaf hash (base64)" text={proof.leafHash} />
      <CopiedText
        label={`Inclusion path, from the leaf upward (${proof.path.length} hashes)`}
        text={proof.path.length === 0 ? 'empty: the leaf is the root' : proof.path.join('\n')}
      />
      <CopiedText label="Checkpoint" text={proof.checkpoint} />
      <CopiedText label="Key of the log" text={proof.vkey} />
    </Stack>
  )
}

function fileName(log: string): string {
  return log.replaceAll(/[^\w.-]+/g, '-')
}
