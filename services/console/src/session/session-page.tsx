import { Anchor, Group, Stack } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link, useParams } from 'react-router'

import { oneSession, whoIsSignedIn } from '../api/questions.ts'
import { KillSwitch } from '../lockouts/kill-switch.tsx'
import { LiveSwitch } from '../shell/live-switch.tsx'
import { endsSessions } from '../shell/pages.ts'
import { PageTitle } from '../shell/page-title.tsx'
import { Reading } from '../words/reading.tsx'
import { SessionFacts } from './session-facts.tsx'
import { StatementList } from './statement-list.tsx'

export function SessionPage() {
  const { id = '' } = useParams()
  const question = useQuery(oneSession(id))
  const { data: session } = question
  const { data: me } = useQuery(whoIsSignedIn)
  return (
    <Stack>
      <Group justify="space-between" align="flex-start">
        <Stack gap={4}>
          <Anchor component={Link} to="/sessions" size="sm">
            All sessions
          </Anchor>
          <PageTitle>
            {session === undefined
              ? 'Session'
              : `${session.actor.display ?? session.actor.subject} on ${session.target}`}
          </PageTitle>
        </Stack>
        <Group gap="md">
          {session !== undefined && me !== undefined && endsSessions(me) && (
            <KillSwitch session={session} />
          )}
          <LiveSwitch />
        </Group>
      </Group>
      <Reading what="session" question={question} />
      {session !== undefined && (
        <>
          <SessionFacts session={session} />
          <StatementList session={session} />
        </>
      )}
    </Stack>
  )
}
