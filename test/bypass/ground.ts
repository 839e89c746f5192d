import { readdir, readFile } from 'node:fs/promises'
import { setTimeout } from 'node:timers/promises'

import type pg from 'pg'
import { pino } from 'pino'

import { formatProblem } from '../../schemas/validated-document.ts'
import type { EmbeddedPostgres } from '../../services/all-in-one/demo/database/embedded-postgres.ts'
import { loadClassification } from '../../services/edge/guard/masking/classification.ts'
import type { MaskedColumn } from '../../services/edge/guard/masking/classification.ts'
import { compilePolicy, loadPolicy } from '../../services/edge/guard/policy.ts'
import { PolicyInForce } from '../../services/edge/guard/policy-in-force.ts'
import { loadGrammar } from '../../services/edge/postgres/facts/grammar.ts'
import { RulePolicy } from '../../services/edge/postgres/facts/rule-policy.ts'
import { TargetMasking } from '../../services/edge/postgres/masking/target-masking.ts'
import { TargetRoutines } from '../../services/edge/postgres/routines/target-routines.ts'
import { ScramPassword } from '../../services/edge/postgres/protocol/scram.ts'
import { systemClock } from '../../services/runtime/clock.ts'
import {
  anActor,
  directClient,
  MemoryCredentials,
  password,
  startEdge,
} from '../services/edge/postgres/edge-fixture.ts'
import type { MemoryRecorder, TestEdge } from '../services/edge/postgres/edge-fixture.ts'
import { changesBetween, resetTarget, targetMark, targetState } from './target-state.ts'
import { startTap } from './wire-tap.ts'
import type { WireTap } from './wire-tap.ts'

/** One policy in force at an edge of its own. The held role at the target is a superuser: nothing but the edge says no. */
export interface Lane {
  readonly tap: WireTap
  readonly recorder: MemoryRecorder
}

/** A target with the fixture, and an edge for each policy of the corpus. */
export interface Ground extends AsyncDisposable {
  /** Past every edge. */
  readonly direct: pg.Client
  /** An edge that speaks TLS, for what comes before a session. */
  readonly tls: { readonly port: number; readonly tap: WireTap }
  readonly keywords: ReadonlySet<string>
  readonly functionOids: ReadonlyMap<string, number>
  lane(policy: string): Lane
  /** The fixture as it was, with what a case adds to it; the edges have seen the catalog since. */
  prepare(setup: string | undefined): Promise<void>
  /** Directly at the target, when the edges have seen the catalog. Resolves when they have found it, or throws after 10 s. */
  plant(sql: string): Promise<void>
  /** What changed at the target since the last time; then everything is as it was again. */
  changes(): Promise<readonly string[]>
}

const grammar = await loadGrammar()
const here = (path: string): URL => new URL(path, import.meta.url)

export async function prepareGround(server: EmbeddedPostgres): Promise<Ground> {
  await using started = new AsyncDisposableStack()
  const direct = await directClient(server)
  started.defer(() => direct.end())
  // What the server does by itself would look like what a case did.
  await direct.query('ALTER SYSTEM SET autovacuum = off')
  // A statement of a case that does not end must not outlive its try.
  await direct.query("ALTER SYSTEM SET statement_timeout = '5s'")
  await direct.query('SELECT pg_reload_conf()')
  const masking = maskingOf(server, await readClassification())
  const routines = routinesOf(server)
  const { signal } = new AbortController()
  let prepared: string | undefined
  let state = ''
  let mark = ''
  const reset = async (): Promise<void> => {
    await resetTarget(direct)
    if (prepared !== undefined) await direct.query(prepared)
    await masking.refresh(signal)
    await routines.refresh(signal)
    state = await targetState(direct)
    mark = await targetMark(direct)
  }
  await reset()
  const lanes = new Map<string, Lane>()
  for (const file of await readdir(here('fixture/policies'))) {
    const edge = started.use(await edgeUnder(server, await readPolicy(file), masking, routines))
    const tap = started.use(await startTap(edge.client.port))
    lanes.set(file.replace('.yaml', ''), { tap, recorder: edge.recorder })
  }
  const secure = started.use(await startEdge(server))
  const secureTap = started.use(await startTap(secure.client.port))
  const keywords = await direct.query<{ word: string }>('SELECT word FROM pg_get_keywords()')
  const functions = await direct.query<{ name: string; oid: number }>(
    `SELECT p.oid::regprocedure::text AS name, p.oid::int FROM pg_proc p`,
  )
  const looking = new AbortController()
  const looked = routines.run(looking.signal)
  started.defer(async () => {
    looking.abort()
    await looked
  })
  const stop = started.move()
  return {
    direct,
    tls: { port: secureTap.port, tap: secureTap },
    keywords: new Set(keywords.rows.map(({ word }) => word)),
    functionOids: new Map(functions.rows.map(({ name, oid }) => [name, oid])),
    lane(policy) {
      const lane = lanes.get(policy)
      if (lane === undefined) throw new Error(`there is no fixture/policies/${policy}.yaml`)
      return lane
    },
    async prepare(setup) {
      // What sessions of the case before have defined is no more.
      if (setup === undefined && prepared === setup) return routines.refresh(signal)
      prepared = setup
      await reset()
    },
    async plant(sql) {
      const known = routines.code
      prepared = `${prepared ?? ''};\n${sql}`
      await direct.query(sql)
      for (const plantedMs = performance.now(); routines.code === known; await setTimeout(10)) {
        if (performance.now() - plantedMs > 10_000) throw new Error('the edges have not found it')
      }
      state = await targetState(direct)
      mark = await targetMark(direct)
    },
    async changes() {
      const mark_ = await targetMark(direct)
      if (mark_ === mark) return []
      // A case that takes away what the state is read from has changed it.
      const after = await targetState(direct).catch(() => 'the fixture -')
      const changed = changesBetween(state, after)
      if (changed.length > 0) await reset()
      else mark = mark_
      return changed
    },
    [Symbol.asyncDispose]: () => stop.disposeAsync(),
  }
}

async function readPolicy(file: string): Promise<PolicyInForce> {
  const loaded = loadPolicy(await readFile(here(`fixture/policies/${file}`), 'utf8'), file)
  if (!loaded.ok) throw new Error(loaded.problems.map(formatProblem).join('\n'))
  return new PolicyInForce(compilePolicy(loaded.policy))
}

async function readClassification(): Promise<readonly MaskedColumn[]> {
  const classified = loadClassification(
    await readFile(here('fixture/classification.yaml'), 'utf8'),
    'classification.yaml',
  )
  if (classified.ok) return classified.columns
  throw new Error(classified.problems.map(formatProblem).join('\n'))
}

function maskingOf(server: EmbeddedPostgres, columns: readonly MaskedColumn[]): TargetMasking {
  return new TargetMasking({
    ...catalogOf(server, new Map([['search_path', 'pg_catalog']])),
    columns,
    key: Buffer.alloc(32, 9),
  })
}

function routinesOf(server: EmbeddedPostgres): TargetRoutines {
  return new TargetRoutines({ ...catalogOf(server, new Map()), settleMs: 0 })
}

function catalogOf(server: EmbeddedPostgres, settings: ReadonlyMap<string, string>) {
  return {
    target: {
      name: 'corpus',
      address: server.host,
      port: server.port,
      tls: { mode: 'verify-full', ca: server.ca },
    },
    login: {
      user: server.superuser,
      password: new ScramPassword(server.superuserPassword),
      database: 'postgres',
      applicationName: 'catalog',
      settings,
    },
    grammar,
    logger: pino({ level: 'silent' }),
    // Only when a case says so, or has changed something.
    refreshMs: 3_600_000,
    staleMs: Infinity,
  } as const
}

async function edgeUnder(
  server: EmbeddedPostgres,
  policies: PolicyInForce,
  masking: TargetMasking,
  routines: TargetRoutines,
): Promise<TestEdge> {
  const credentials = new MemoryCredentials()
  credentials.issue('agent', password, { target: 'corpus', actor: anActor })
  const policy = new RulePolicy({
    grammar,
    policies,
    clock: systemClock,
    masking: new Map([['corpus', masking]]),
    routines: new Map([['corpus', routines]]),
  })
  return startEdge(server, {
    plain: true,
    // The way to the target is not what is tried here, and a handshake costs more than most statements.
    target: { name: 'corpus', tls: { mode: 'disable' } },
    options: { guard: { credentials, policy } },
  })
}
