import { Button, Group, Stack, Text, Title } from '@mantine/core'
import { useInfiniteQuery, useQuery } from '@tanstack/react-query'

import { approvalsOfSession, statementsOf } from '../api/questions.ts'
import type { Session } from '../api/shapes.ts'
import { NothingHere } from '../words/nothing-here.tsx'
import { ProblemAlert } from '../words/problem-alert.tsx'
import { count } from '../words/quantities.ts'
import { Reading } from '../words/reading.tsx'
import { approvalOf } from './statement-approval.ts'
import { StatementItem } from './statement-item.tsx'
import { useAnchor } from './use-anchor.ts'

export function StatementList({ session }: { readonly session: Session }) {
  const list = useInfiniteQuery(statementsOf(session.sessionId))
  const approvals = useQuery(approvalsOfSession(session.sessionId))
  const statements = list.data?.pages.flatMap((page) => page.statements) ?? []
  const anchored = useAnchor(list)
  const numbers = new Map(statements.map(({ requestId }, index) => [requestId, index + 1]))
  return (
    <Stack component="section" aria-label="Statements" gap="xs">
      <Group justify="space-between">
        <Title order={2} size="h4">
          Statements
        </Title>
        <Text size="sm" c="dimmed" role="status">
          {list.data === undefined
            ? ''
            : `${count(statements.length)}${list.hasNextPage ? ' so far' : ''}, in order`}
        </Text>
      </Group>
      {approvals.error !== null && (
        <ProblemAlert
          what="What was held, and who approved it, could not be read"
          error={approvals.error}
          retry={() => void approvals.refetch()}
        />
      )}
      {approvals.data?.is_cut === true && (
        <Text size="sm" c="dimmed">
          So much was held in this session that only its newest approvals are told here; search
          finds the others.
        </Text>
      )}
      <Reading what="statements" question={list} />
      {list.data !== undefined && statements.length === 0 && (
        <NothingHere title="No statements">
          {session.endedAtMs === null
            ? 'The session is open and has asked nothing yet. With "Live" on, statements appear as they come.'
            : 'The session ended without asking anything.'}
        </NothingHere>
      )}
      <Stack component="ol" gap="xs" p={0} m={0} style={{ listStyle: 'none' }}>
        {statements.map((statement, index) => (
          <StatementItem
            key={statement.requestId}
            statement={statement}
            approval={approvalOf(statement, approvals.data?.approvals ?? [])}
            number={index + 1}
            endedBy={numbers.get(statement.transaction?.by ?? '') ?? null}
            isAnchored={statement.requestId === anchored}
          />
        ))}
      </Stack>
      {list.hasNextPage && (
        <Button
          variant="default"
          loading={list.isFetchingNextPage}
          onClick={() => void list.fetchNextPage()}
        >
          Show more statements
        </Button>
      )}
    </Stack>
  )
}
