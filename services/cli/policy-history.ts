import type { SearchResult, SessionList, SessionSummary } from '../indexer/query.ts'
import type { UncertainInput } from '../edge/guard/policy/decision-input.ts'
import type { StatementSubject } from '../edge/postgres/statements/statement-policy.ts'
import type { ApiClient } from './api-client.ts'
import { readConfig } from './config-file.ts'

/** A recorded request, with what is known of it to decide it again. */
export interface PastRequest {
  /** One object per session: what the session prepared before counts. */
  readonly subject: StatementSubject
  readonly statement: string
  readonly atMs: number
  readonly actor: string
  /** As it was recorded first: what policy said, and not what became of a hold. */
  readonly decision: string
  readonly log: string
  readonly position: number
}

export interface History {
  /** In the order in which they were received. */
  readonly requests: readonly PastRequest[]
  /** Those of the period that cannot be decided again: their session is not known, no rule decided them, or they only prepare. */
  readonly leftOut: number
  /** True when there were more than are looked at. */
  readonly isCut: boolean
}

export interface Period {
  readonly fromMs: number
  readonly toMs: number
  readonly target?: string | undefined
}

const mostRequests = 100_000
const pageSize = '500'

// What the search does not say of a session; conditions that ask for it have no value.
const unknownToSearch: ReadonlySet<UncertainInput> = new Set(['purpose', 'labels'] as const)

/** By the search of the api: everything but purpose, labels and the role at the target. */
export async function historyOfApi(client: ApiClient, period: Period): Promise<History> {
  const { fromMs, toMs, target } = period
  const filter = { from: String(fromMs), to: String(toMs), target, limit: pageSize }
  const subjects = new Map<string, StatementSubject>()
  for await (const page of pages<SessionList>(client, '/v1/sessions', filter)) {
    for (const session of page.sessions) subjects.set(session.sessionId, subjectOfSession(session))
  }
  const requests: PastRequest[] = []
  let leftOut = 0
  const ofRequests = { ...filter, kind: 'request.received' }
  for await (const page of pages<SearchResult>(client, '/v1/search', ofRequests)) {
    for (const hit of page.hits) {
      const subject = subjects.get(hit.sessionId ?? '')
      const { decision = 'unknown', ruleIds = [] } = hit.decidedFirst ?? {}
      const isLeftOut = isPreparation(hit.operation) || isByTheEdge(ruleIds)
      if (subject === undefined || hit.statement === null || isLeftOut) {
        leftOut += 1
        continue
      }
      requests.push({
        subject,
        statement: hit.statement,
        atMs: hit.occurredAtMs,
        actor: hit.actor,
        decision,
        log: hit.log,
        position: hit.position,
      })
    }
    if (requests.length >= mostRequests) {
      return { requests: inOrder(requests), leftOut, isCut: page.next !== null }
    }
  }
  return { requests: inOrder(requests), leftOut, isCut: false }
}

async function* pages<T extends { readonly next: string | null }>(
  client: ApiClient,
  path: string,
  query: Readonly<Record<string, string | undefined>>,
): AsyncGenerator<T> {
  let after: string | undefined
  do {
    const page = await client.get<T>(path, { ...query, after })
    yield page
    after = page.next ?? undefined
  } while (after !== undefined)
}

function subjectOfSession(session: SessionSummary): StatementSubject {
  return {
    actor: session.actor,
    target: session.target,
    database: session.database ?? session.target,
    searchPath: null,
    purpose: null,
    dataLabels: [],
    unknown: unknownToSearch,
  }
}

/** By the ledger of a deployment on this machine, which holds everything that was recorded. */
export async function historyOfLedger(configFile: string, period: Period): Promise<History> {
  const { recordedRequests } = await import('../all-in-one/recorded-requests.ts')
  const subjects = new Map<string, StatementSubject>()
  const requests: PastRequest[] = []
  let leftOut = 0
  for await (const recorded of recordedRequests(
    readConfig(configFile),
    period.fromMs,
    period.toMs,
  )) {
    const { received, started } = recorded
    const { actor, target, request, decision, session_id: session } = received
    if (period.target !== undefined && target?.name !== period.target) continue
    const isWhole = request !== null && request.statement.length === request.statement_bytes
    const isLeftOut =
      isPreparation(request?.operation ?? null) || isByTheEdge(decision?.rule_ids ?? [])
    if (actor === null || target === null || !isWhole || isLeftOut) {
      leftOut += 1
      continue
    }
    if (requests.length === mostRequests)
      return { requests: inOrder(requests), leftOut, isCut: true }
    const known = subjects.get(session ?? '')
    const role = started?.session?.role ?? null
    const subject = known ?? {
      actor,
      target: target.name,
      database: started?.session?.database ?? target.name,
      ...(role === null ? {} : { role }),
      searchPath: null,
      purpose: received.purpose,
      dataLabels: received.data_labels,
      ...(started === null ? { unknown: new Set(['database'] as const) } : {}),
    }
    subjects.set(session ?? '', subject)
    requests.push({
      subject,
      statement: request.statement.toString('utf8'),
      atMs: received.occurred_at / 1000,
      actor: actor.display ?? actor.subject,
      decision: decision?.outcome ?? 'unknown',
      log: recorded.log,
      position: recorded.position,
    })
  }
  return { requests: inOrder(requests), leftOut, isCut: false }
}

/** To parse and to bind what is held or masked needs nothing, whatever policy says of running it. */
function isPreparation(operation: string | null): boolean {
  return operation === 'parse' || operation === 'bind'
}

/** Refusals for the form of a message, and cancel requests: no policy was asked. */
function isByTheEdge(ruleIds: readonly string[]): boolean {
  const ids = ['unparseable', 'edge-limit', 'function-call', 'builtin/cancel']
  return ids.some((id) => ruleIds.includes(id))
}

function inOrder(requests: readonly PastRequest[]): readonly PastRequest[] {
  // By the search they come newest first, and those of one time in the order of their log.
  return requests.toSorted((a, b) => a.atMs - b.atMs || a.position - b.position)
}
