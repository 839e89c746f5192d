import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query'

import { getJson } from './request.ts'
import type { Parameters } from './request.ts'
import type {
  ActivityAnswer,
  ApprovalHistories,
  Approvals,
  Entry,
  Lockouts,
  Overrides,
  Proof,
  RecordedRows,
  ReportRun,
  ReportRuns,
  SearchHits,
  Session,
  Sessions,
  SignedIn,
  Statements,
} from './shapes.ts'

/**
 * Every question the console asks, with the name it is cached under. Most are recorded as events of their own by the api (who looked at
 * what), so nothing is asked again but for a reason; entries, proofs and results never change once sealed.
 */
export const whoIsSignedIn = queryOptions({
  queryKey: ['me'],
  queryFn: ({ signal }) => getJson<SignedIn>('/v1/me', {}, signal),
})

const pageSize = 50

export function sessionsThatFit(filter: Parameters, after: string | null) {
  return queryOptions({
    queryKey: ['sessions', filter, after],
    queryFn: ({ signal }) =>
      getJson<Sessions>('/v1/sessions', { ...filter, limit: pageSize, after }, signal),
    placeholderData: (before) => before,
  })
}

export function hitsThatFit(filter: Parameters, after: string | null) {
  return queryOptions({
    queryKey: ['search', filter, after],
    queryFn: ({ signal }) =>
      getJson<SearchHits>('/v1/search', { ...filter, limit: pageSize, after }, signal),
    placeholderData: (before) => before,
  })
}

export function activityThatFits(filter: Parameters) {
  return queryOptions({
    queryKey: ['activity', filter],
    queryFn: ({ signal }) => getJson<ActivityAnswer>('/v1/activity', filter, signal),
    placeholderData: (before) => before,
  })
}

export function oneSession(id: string) {
  return queryOptions({
    queryKey: ['session', id],
    queryFn: ({ signal }) => getJson<Session>(`/v1/sessions/${encodeURIComponent(id)}`, {}, signal),
  })
}

export function statementsOf(id: string) {
  return infiniteQueryOptions({
    queryKey: ['statements', id],
    queryFn: ({ signal, pageParam }) =>
      getJson<Statements>(
        `/v1/sessions/${encodeURIComponent(id)}/statements`,
        { limit: 200, after: pageParam },
        signal,
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next,
  })
}

export function approvalsOfSession(id: string) {
  return queryOptions({
    queryKey: ['session', id, 'approvals'],
    queryFn: ({ signal }) =>
      getJson<ApprovalHistories>(`/v1/sessions/${encodeURIComponent(id)}/approvals`, {}, signal),
  })
}

export function oneEntry(log: string, position: number) {
  return queryOptions({
    queryKey: ['entry', log, position],
    queryFn: ({ signal }) => getJson<Entry>(`/v1/entries/${position}`, { log }, signal),
    staleTime: Infinity,
  })
}

export function recordedResult(log: string, positions: readonly number[]) {
  return queryOptions({
    queryKey: ['result', log, positions],
    queryFn: ({ signal }) =>
      getJson<RecordedRows>('/v1/results', { log, positions: positions.join(',') }, signal),
    staleTime: Infinity,
  })
}

export function proofOf(log: string, position: number) {
  return queryOptions({
    queryKey: ['proof', log, position],
    queryFn: ({ signal }) => getJson<Proof>(`/v1/entries/${position}/proof`, { log }, signal),
    staleTime: Infinity,
  })
}

export function approvalsOfState(state: string) {
  return queryOptions({
    queryKey: ['approvals', state],
    queryFn: ({ signal }) => getJson<Approvals>('/v1/approvals', { state }, signal),
    // Somebody waits for the answer, and the list is not recorded as a look.
    refetchInterval: 2_000,
  })
}

export const allOverrides = queryOptions({
  queryKey: ['approvals', 'overrides'],
  queryFn: ({ signal }) => getJson<Overrides>('/v1/overrides', {}, signal),
  refetchInterval: 2_000,
})

/** Each look is recorded, so it is asked again only when something was locked out or let in. */
export const lockoutsInForce = queryOptions({
  queryKey: ['lockouts'],
  queryFn: ({ signal }) => getJson<Lockouts>('/v1/lockouts', {}, signal),
})

export const allReports = queryOptions({
  queryKey: ['reports'],
  queryFn: ({ signal }) => getJson<ReportRuns>('/v1/reports', {}, signal),
  // The list is not recorded as a look; while a report is made it tells how far it is.
  refetchInterval: (query) => (query.state.data?.reports.some(isRunning) === true ? 500 : 30_000),
})

function isRunning(run: ReportRun): boolean {
  return run.state === 'running'
}
