import { Client, DatabaseError } from 'pg'
import { pino } from 'pino'

import type { EmbeddedPostgres } from '../../../../../services/all-in-one/demo/database/embedded-postgres.ts'
import { loadClassification } from '../../../../../services/edge/guard/masking/classification.ts'
import type { MaskedColumn } from '../../../../../services/edge/guard/masking/classification.ts'
import { PolicyInForce } from '../../../../../services/edge/guard/policy-in-force.ts'
import type { CompiledPolicy } from '../../../../../services/edge/guard/policy.ts'
import { loadGrammar } from '../../../../../services/edge/postgres/facts/grammar.ts'
import { RulePolicy } from '../../../../../services/edge/postgres/facts/rule-policy.ts'
import { TargetMasking } from '../../../../../services/edge/postgres/masking/target-masking.ts'
import { TargetRoutines } from '../../../../../services/edge/postgres/routines/target-routines.ts'
import { ScramPassword } from '../../../../../services/edge/postgres/protocol/scram.ts'
import { systemClock } from '../../../../../services/runtime/clock.ts'
import { aPolicy } from '../../guard/policy-builders.ts'
import {
  anActor,
  directClient,
  MemoryCredentials,
  password,
  startEdge,
  startTarget,
} from '../edge-fixture.ts'
import type { TestEdge } from '../edge-fixture.ts'

/** Allows whatever a rule can allow. */
export const everything =
  "id: all, targets: ['*'], statements: [read, write, transaction, session, copy_to, copy_from, ddl, explain], relations: { read: ['*'], write: ['*'] }, functions: ['*'], outcome: allow"

export const masksAll = "id: mask, targets: ['*'], outcome: mask, mask: { classes: ['*'] }"

/** A real target with an edge in front whose policy allows everything and masks what is classified. */
export interface MaskedTarget extends AsyncDisposable {
  readonly target: EmbeddedPostgres
  readonly edge: TestEdge
  readonly masking: TargetMasking
  readonly routines: TargetRoutines
  readonly policies: PolicyInForce
  /** Everything that a client of its own gets to see of these statements, up to the first that fails. */
  seen(...texts: readonly string[]): Promise<Seen>
  /** As the owner, past the edge. */
  asOwner(sql: string): Promise<void>
}

export interface Seen {
  readonly rows: readonly unknown[]
  readonly error: DatabaseError | null
  /** Rows, notices and errors in one text. */
  readonly all: string
}

/** `schema` is run by the owner, past the edge, before the catalog is read. */
export async function startMaskedTarget(
  schema: string,
  classification: string,
  policy: CompiledPolicy = aPolicy(everything, masksAll),
): Promise<MaskedTarget> {
  await using started = new AsyncDisposableStack()
  const target = started.use(await startTarget())
  const asOwner = async (sql: string): Promise<void> => {
    const owner = await directClient(target)
    await owner.query(sql)
    await owner.end()
  }
  await asOwner(schema)
  const grammar = await loadGrammar()
  const catalog = (settings: ReadonlyMap<string, string>) =>
    ({
      target: {
        name: 'm',
        address: target.host,
        port: target.port,
        tls: { mode: 'verify-full', ca: target.ca },
      },
      login: {
        user: target.superuser,
        password: new ScramPassword(target.superuserPassword),
        database: 'postgres',
        applicationName: 'catalog',
        settings,
      },
      grammar,
      logger: pino({ level: 'silent' }),
    }) as const
  const masking = new TargetMasking({
    ...catalog(new Map([['search_path', 'pg_catalog']])),
    columns: columnsOf(classification),
    key: Buffer.alloc(32, 9),
  })
  await masking.refresh(AbortSignal.timeout(10_000))
  const routines = new TargetRoutines({ ...catalog(new Map()), staleMs: Infinity })
  routines.onChanged = () => masking.refreshNow()
  await routines.refresh(AbortSignal.timeout(10_000))
  const policies = new PolicyInForce(policy)
  const credentials = new MemoryCredentials()
  credentials.issue('agent', password, { target: 'm', actor: anActor })
  const edge = started.use(
    await startEdge(target, {
      target: { name: 'm' },
      options: {
        guard: {
          credentials,
          policy: new RulePolicy({
            grammar,
            policies,
            clock: systemClock,
            masking: new Map([['m', masking]]),
            routines: new Map([['m', routines]]),
          }),
        },
      },
    }),
  )
  const stack = started.move()
  return {
    target,
    edge,
    masking,
    routines,
    policies,
    asOwner,
    seen: (...texts) => seenBy(edge, texts),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

function columnsOf(classification: string): readonly MaskedColumn[] {
  const loaded = loadClassification(classification, 'c.yaml')
  if (loaded.ok) return loaded.columns
  throw new TypeError(loaded.problems.map(({ message }) => message).join('; '))
}

async function seenBy(edge: TestEdge, texts: readonly string[]): Promise<Seen> {
  const client = new Client(edge.client)
  const notices: string[] = []
  client.on('notice', (notice) => notices.push(`${notice.message} ${JSON.stringify(notice)}`))
  await client.connect()
  const rows: unknown[] = []
  let error: DatabaseError | null = null
  try {
    for (const text of texts) {
      const result = (await client.query(text)) as unknown
      for (const each of Array.isArray(result) ? (result as unknown[]) : [result]) {
        rows.push(...(each as { rows: unknown[] }).rows)
      }
    }
  } catch (cause) {
    if (!(cause instanceof DatabaseError)) throw cause
    error = cause
  }
  await client.end()
  return { rows, error, all: JSON.stringify([rows, notices, error, error?.message]) }
}
