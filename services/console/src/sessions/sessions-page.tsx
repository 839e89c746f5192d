import { Group, Stack } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useSearchParams } from 'react-router'

import { sessionsThatFit } from '../api/questions.ts'
import { addressOfFilter, filterOfAddress, isBlank } from '../search/evidence-filter.ts'
import { FilterForm } from '../search/filter-form.tsx'
import { Pager } from '../search/pager.tsx'
import { LiveSwitch } from '../shell/live-switch.tsx'
import { PageTitle } from '../shell/page-title.tsx'
import { count } from '../words/quantities.ts'
import { Reading } from '../words/reading.tsx'
import { Activity } from './activity.tsx'
import { NoSessions } from './no-sessions.tsx'
import { SessionTable } from './session-table.tsx'

export function SessionsPage() {
  const [address, setAddress] = useSearchParams()
  const filter = filterOfAddress(address)
  const sessions = useQuery(
    sessionsThatFit(Object.fromEntries(addressOfFilter(filter)), address.get('after')),
  )
  return (
    <Stack>
      <Group justify="space-between">
        <PageTitle>Sessions</PageTitle>
        <LiveSwitch />
      </Group>
      <FilterForm
        filter={filter}
        ask={(asked) => {
          setAddress(addressOfFilter(asked))
        }}
      />
      <Activity filter={filter} />
      <Reading what="sessions" question={sessions} />
      {sessions.data?.sessions.length === 0 && <NoSessions isFiltered={!isBlank(filter)} />}
      {sessions.data !== undefined && sessions.data.sessions.length > 0 && (
        <Stack className="listed" aria-busy={sessions.isPlaceholderData}>
          <SessionTable sessions={sessions.data.sessions} />
          <Pager
            next={sessions.data.next}
            shown={`${count(sessions.data.sessions.length)} on this page, newest first`}
          />
        </Stack>
      )}
    </Stack>
  )
}
