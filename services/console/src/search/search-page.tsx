import { Stack, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useSearchParams } from 'react-router'

import { hitsThatFit } from '../api/questions.ts'
import { PageTitle } from '../shell/page-title.tsx'
import { Loading } from '../words/loading.tsx'
import { NothingHere } from '../words/nothing-here.tsx'
import { ProblemAlert } from '../words/problem-alert.tsx'
import { count } from '../words/quantities.ts'
import { addressOfFilter, filterOfAddress, isBlank } from './evidence-filter.ts'
import { FilterForm } from './filter-form.tsx'
import { HitTable } from './hit-table.tsx'
import { Pager } from './pager.tsx'

export function SearchPage() {
  const [address, setAddress] = useSearchParams()
  const filter = filterOfAddress(address)
  const { data, error, isPending, isPlaceholderData, refetch } = useQuery(
    hitsThatFit(
      isBlank(filter) ? { kind: 'request.received' } : Object.fromEntries(addressOfFilter(filter)),
      address.get('after'),
    ),
  )
  return (
    <Stack>
      <div>
        <PageTitle>Search</PageTitle>
        <Text c="dimmed" size="sm">
          Statements and other events, newest first; without a condition, all statements. Each
          search is recorded.
        </Text>
      </div>
      <FilterForm
        filter={filter}
        ask={(asked) => {
          setAddress(addressOfFilter(asked))
        }}
      />
      {error !== null && (
        <ProblemAlert
          what="The search could not be made"
          error={error}
          retry={() => void refetch()}
        />
      )}
      {isPending && <Loading what="Searching …" />}
      {data?.hits.length === 0 && (
        <NothingHere title="Nothing fits">
          Take away a condition, or widen the time. Words in the search box must all occur; a word
          may end in * to find beginnings.
        </NothingHere>
      )}
      {data !== undefined && data.hits.length > 0 && (
        <Stack className="listed" aria-busy={isPlaceholderData}>
          <HitTable hits={data.hits} />
          <Pager next={data.next} shown={`${count(data.hits.length)} on this page, newest first`} />
        </Stack>
      )}
    </Stack>
  )
}
