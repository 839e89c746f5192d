import { Alert, Group, Stack, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'

import { shownText } from '../../../runtime/shown-text.ts'
import { oneEntry } from '../api/questions.ts'
import type { ApprovalHistory, Statement } from '../api/shapes.ts'
import { ProofLink } from '../proof/proof-link.tsx'
import { CopiedText } from '../words/copied-text.tsx'
import { Reading } from '../words/reading.tsx'
import { bytes } from '../words/quantities.ts'
import { TransactionAlert } from '../words/transaction-end.tsx'
import { ApprovalSteps } from './approval-steps.tsx'
import { ParameterTable } from './parameter-table.tsx'
import { RecordedResult } from './recorded-result.tsx'

interface StatementDetailsProps {
  readonly statement: Statement
  readonly approval: ApprovalHistory | null
  /** Number of the statement that ended its transaction. */
  readonly endedBy: number | null
}

/** The statement as it was sealed, not as the index holds it. */
export function StatementDetails({ statement, approval, endedBy }: StatementDetailsProps) {
  const question = useQuery(oneEntry(statement.log, statement.position))
  const { data: entry } = question
  return (
    <Stack px="md" pb="md" pl={{ base: 'sm', sm: 52 }} gap="sm">
      {statement.decision === 'block' && (
        <Alert
          color="red"
          title="Blocked: it never reached the target"
          icon={<span aria-hidden>⊘</span>}
        >
          By {statement.ruleIds.length === 1 ? 'rule' : 'rules'}{' '}
          {statement.ruleIds.join(', ') || 'none that allows it'}
          {statement.decisionId === null ? '' : `; decision ${statement.decisionId}`}
        </Alert>
      )}
      <TransactionAlert transaction={statement.transaction} by={endedBy} />
      {approval !== null && <ApprovalSteps approval={approval} />}
      {statement.errorMessage !== null && !isRefusal(statement) && (
        <Alert
          color="orange"
          title={`Error ${statement.errorCode ?? ''}`}
          icon={<span aria-hidden>!</span>}
        >
          {shownText(statement.errorMessage)}
        </Alert>
      )}
      <Reading what="sealed entry" question={question} />
      {entry !== undefined && (
        <>
          {entry.statement === null ? (
            <Text size="sm">
              The payload of this entry was erased or cannot be decoded. Its leaf and its proof
              remain.
            </Text>
          ) : (
            <CopiedText
              label={`Statement, ${bytes(statement.statementBytes)}`}
              text={entry.statement}
            />
          )}
          <ParameterTable parameters={entry.parameters} />
        </>
      )}
      <RecordedResult statement={statement} />
      <Group gap="md" fz="xs" c="dimmed">
        <span>request {statement.requestId}</span>
        {statement.decisionId !== null && <span>decision {statement.decisionId}</span>}
        {statement.tokenKeyId !== null && <span>tokens by key {statement.tokenKeyId}</span>}
        {statement.completedPosition !== null && (
          <span>
            completed at <ProofLink log={statement.log} position={statement.completedPosition} />
          </span>
        )}
      </Group>
    </Stack>
  )
}

/** Said above it already. */
function isRefusal({ decision, outcome }: Statement): boolean {
  return decision === 'block' || (decision === 'hold' && outcome === 'refused')
}
