import { Alert, SegmentedControl, Stack, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'

import { approvalsOfState, whoIsSignedIn } from '../api/questions.ts'
import { PageTitle } from '../shell/page-title.tsx'
import { seesAllApprovals } from '../shell/pages.ts'
import { NothingHere } from '../words/nothing-here.tsx'
import { Reading } from '../words/reading.tsx'
import { Time } from '../words/time.tsx'
import { AnswerTaken } from './answer-taken.tsx'
import type { TakenAnswer } from './answer-taken.tsx'
import { ApprovalItem } from './approval-item.tsx'
import { OverrideList } from './override-list.tsx'

export function ApprovalsPage() {
  const [state, setState] = useState('pending')
  const [taken, setTaken] = useState<TakenAnswer | null>(null)
  const { data: me } = useQuery(whoIsSignedIn)
  const question = useQuery(approvalsOfState(state))
  const { data } = question
  return (
    <Stack>
      <PageTitle>Approvals</PageTitle>
      <Text maw="75ch">
        Requests that a rule holds until another person has agreed. A yes is for exactly what is
        shown, by whoever asked, once; nobody answers a request of his own, nor of an agent that
        acts for him.
        {me !== undefined &&
          !seesAllApprovals(me) &&
          ' You see what you asked for, or an agent on your behalf.'}
      </Text>
      <OverrideList />
      <SegmentedControl
        aria-label="Which approvals"
        w="fit-content"
        value={state}
        onChange={setState}
        data={[
          { value: 'pending', label: 'Waiting' },
          { value: '', label: 'All of the last day' },
        ]}
      />
      {taken !== null && <AnswerTaken answer={taken} />}
      <Reading what="approvals" question={question} />
      {data != null && data.listed_from !== null && (
        <Alert color="yellow" role="status" title="Not all that was held is listed">
          So much was held that what was asked before <Time ms={Date.parse(data.listed_from)} /> is
          left out. It can be answered by its id: affidavit approvals approve or deny.
        </Alert>
      )}
      {data?.approvals.length === 0 && question.error === null && (
        <NothingHere title={state === '' ? 'Nothing was held' : 'Nothing waits for approval'}>
          A rule with <code>outcome: hold</code> makes requests wait here.
        </NothingHere>
      )}
      <Stack component="ol" p={0} m={0} style={{ listStyle: 'none' }}>
        {data?.approvals.map((approval) => (
          <ApprovalItem key={approval.approval_id} approval={approval} onAnswer={setTaken} />
        ))}
      </Stack>
    </Stack>
  )
}
