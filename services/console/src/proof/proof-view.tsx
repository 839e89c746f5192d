import { Button, Group, Stack, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'

import { proofOf } from '../api/questions.ts'
import { CopiedText } from '../words/copied-text.tsx'
import { count } from '../words/quantities.ts'
import { Reading } from '../words/reading.tsx'
import { leafText } from './leaf-text.ts'
import { ProofCheck } from './proof-check.tsx'

interface ProofViewProps {
  readonly log: string
  readonly position: number
}

export function ProofView({ log, position }: ProofViewProps) {
  const question = useQuery(proofOf(log, position))
  const { data: proof } = question
  if (proof === undefined) return <Reading what="proof" question={question} />
  return (
    <Stack>
      <Text size="sm">
        The entry at position {position} of the log <strong className="exact">{log}</strong>, and a
        signed checkpoint over its first {count(proof.size)} entries. The path leads from the leaf
        of this entry to the root in the checkpoint; it would not if the entry had been changed,
        moved or taken out.
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
