import type { ActivityBucket, SearchFilter } from '../../query.ts'
import { hourOf } from '../../terms.ts'
import { foldedTerm } from './exact-term.ts'

/** What is counted by, in the order of the answer: `identity` tells actors apart whose names are the same. */
const fields = {
  hour: 'hour_ms',
  target: 'target.name',
  actor: 'actor.label',
  operation: 'operation',
  decision: 'decision',
  outcome: 'outcome',
  identity: 'actor.identity',
} as const

type Key = Readonly<Record<keyof typeof fields, string | number | null>>

interface Bucket {
  readonly key: Key
  readonly doc_count: number
  readonly rows: { readonly value: number }
}

const pageSize = 1_000

/** Counts of statements per hour, target, actor, operation, decision and outcome; read to the end, page by page. */
export async function askActivity(
  ask: (body: object) => Promise<Record<string, unknown>>,
  filter: Pick<SearchFilter, 'from' | 'to' | 'target' | 'actor'>,
): Promise<readonly ActivityBucket[]> {
  const { from, to, target, actor } = filter
  const hours = {
    ...(from === undefined ? {} : { gte: hourOf(from * 1000) }),
    ...(to === undefined ? {} : { lt: Math.ceil(to) }),
  }
  const clauses: object[] = [{ term: { role: 'statement' } }, { term: { shown: true } }]
  if (Object.keys(hours).length > 0) clauses.push({ range: { hour_ms: hours } })
  if (target !== undefined) clauses.push({ term: { 'asked.target': foldedTerm(target) } })
  if (actor !== undefined) clauses.push({ term: { 'asked.actor': foldedTerm(actor) } })
  const sources = Object.entries(fields).map(([name, field]) => ({
    [name]: {
      terms: { field, missing_bucket: true, order: name === 'hour' ? 'desc' : 'asc' },
    },
  }))
  const counts = new Map<string, ActivityBucket & { readonly identity: string }>()
  let after: Key | undefined
  for (;;) {
    const body = await ask({
      size: 0,
      query: { bool: { filter: clauses } },
      aggs: {
        activity: {
          composite: { size: pageSize, sources, ...(after === undefined ? {} : { after }) },
          aggs: { rows: { sum: { field: 'rows' } } },
        },
      },
    })
    const { activity } = body['aggregations'] as {
      activity: { buckets: readonly Bucket[]; after_key?: Key }
    }
    for (const bucket of activity.buckets) note(counts, bucket)
    if (activity.buckets.length < pageSize || activity.after_key === undefined) break
    after = activity.after_key
  }
  return [...counts.values()].sort(inOrder).map(({ identity: _identity, ...bucket }) => bucket)
}

// What a statement does not say and what it says to be unknown are the same count.
function note(
  counts: Map<string, ActivityBucket & { readonly identity: string }>,
  { key, doc_count, rows }: Bucket,
): void {
  const bucket = {
    hourMs: Number(key.hour),
    target: String(key.target ?? ''),
    actor: String(key.actor ?? ''),
    operation: String(key.operation ?? ''),
    decision: String(key.decision ?? 'unknown'),
    outcome: String(key.outcome ?? ''),
    identity: String(key.identity ?? ''),
  }
  const name = JSON.stringify(bucket)
  const known = counts.get(name)
  counts.set(name, {
    ...bucket,
    count: (known?.count ?? 0) + doc_count,
    rows: (known?.rows ?? 0) + rows.value,
  })
}

function inOrder(
  one: ActivityBucket & { readonly identity: string },
  other: ActivityBucket & { readonly identity: string },
): number {
  if (one.hourMs !== other.hourMs) return other.hourMs - one.hourMs
  for (const name of ['target', 'actor', 'operation', 'decision', 'outcome', 'identity'] as const) {
    const by = Buffer.compare(Buffer.from(one[name]), Buffer.from(other[name]))
    if (by !== 0) return by
  }
  return 0
}
