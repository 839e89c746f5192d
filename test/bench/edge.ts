import { execFileSync } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { cpus, loadavg, release, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'

import { findProgram } from '../support/engine.ts'
import { startEdge, startPassthrough } from './edge-child.ts'
import type { EdgeChild } from './edge-child.ts'
import { cpuTimeOf } from './edge-cpu.ts'
import { startPgbouncer } from './edge-pgbouncer.ts'
import { maskMethods } from './edge-guard.ts'
import { loadTables, runPgbench, workloads } from './edge-pgbench.ts'
import type { Place, Workload } from './edge-pgbench.ts'
import { tableOf, targetCpuUs } from './edge-table.ts'
import type { Measured, Variant } from './edge-table.ts'
import { startTarget } from './edge-target.ts'

const help = `npm run bench -- edge [options]

Read-only pgbench through pgbouncer (session mode) and through the edge, one after the other in every round, so that what else
the machine does meets all of them. Throughput counts as a ratio to pgbouncer. Variants of the edge: batched and strict with one
plain rule; guarded, which is batched with conditions, and with a masking rule over a classified column.
Workloads: simple and prepared are pgbench's point reads, which do not look at that column; masked are point reads of it; bulk
reads it of 1,000,000 rows in one answer, with one client.

  --rounds N          default 5
  --seconds S         of each run; runs for reference (direct, passthrough, prepared) take half. Default 3
  --clients LIST      default 1,8,32
  --variants LIST     default direct,pgbouncer,batched,guarded,strict; also passthrough,
                      a proxy in Node that does nothing: the floor under the edge
  --workloads LIST    default simple,prepared,masked,bulk
  --mask METHOD       of the masked column: null, fixed, last4, token. Default last4
  --scale N           of pgbench's tables, default 20
  --results BYTES     how much of each result is recorded, default 65536
  --node-option OPT   passed to the node of the edge, for profiles; may be repeated
  --directory DIR     where spools and data lie, default the system's temporary directory
`

const everyVariant: readonly Variant[] = [
  'direct',
  'pgbouncer',
  'passthrough',
  'batched',
  'guarded',
  'strict',
]

/** Which variants a workload goes through; the point reads of pgbench go through all. */
const compared: Readonly<Record<Workload, readonly Variant[]>> = {
  simple: everyVariant,
  prepared: ['pgbouncer', 'batched', 'guarded'],
  masked: ['pgbouncer', 'guarded'],
  bulk: ['direct', 'pgbouncer', 'batched', 'guarded'],
}

/** What a run goes through: where pgbench signs in, and the process whose CPU time counts. */
interface Subject {
  readonly variant: Variant
  readonly place: Place
  readonly pid: number | null
  readonly edge: EdgeChild | null
}

export async function run(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      help: { type: 'boolean', default: false },
      rounds: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '3' },
      clients: { type: 'string', default: '1,8,32' },
      variants: { type: 'string', default: 'direct,pgbouncer,batched,guarded,strict' },
      workloads: { type: 'string', default: workloads.join(',') },
      mask: { type: 'string', default: 'last4' },
      scale: { type: 'string', default: '20' },
      results: { type: 'string', default: '65536' },
      'node-option': { type: 'string', multiple: true, default: [] },
      directory: { type: 'string', default: tmpdir() },
    },
  })
  if (values.help) {
    console.log(help)
    return
  }
  const pgbench = await programOf('pgbench')
  const pgbouncer = await programOf('pgbouncer')
  const wanted = values.variants.split(',')
  const directory = await mkdtemp(join(values.directory, 'affidavit-bench-'))
  // Programs that do not run as root have to get through.
  await chmod(directory, 0o711)
  await using cleanup = new AsyncDisposableStack()
  cleanup.defer(() => rm(directory, { recursive: true, force: true }))
  const target = cleanup.use(await startTarget(join(directory, 'target')))
  console.log(machine(target.version, pgbench, pgbouncer))
  const logs = join(directory, 'logs')
  await mkdir(logs)
  await loadTables(pgbench, target, Number(values.scale), logs)

  const subjects: Subject[] = []
  for (const variant of everyVariant.filter((each) => wanted.includes(each))) {
    if (variant === 'direct') {
      subjects.push({ variant, place: target, pid: null, edge: null })
    } else if (variant === 'pgbouncer') {
      const bouncer = await startPgbouncer(pgbouncer, join(directory, variant), target)
      cleanup.use(bouncer)
      subjects.push({ variant, place: bouncer, pid: bouncer.pid, edge: null })
    } else if (variant === 'passthrough') {
      const relay = cleanup.use(await startPassthrough(placeOf(target)))
      subjects.push({ variant, place: relay, pid: relay.pid, edge: null })
    } else {
      const edge = await startEdge(
        {
          directory: join(directory, variant),
          durability: variant === 'strict' ? 'strict' : 'batched',
          guard: variant === 'guarded' ? 'full' : 'plain',
          mask: oneOf(maskMethods, values.mask),
          recordResultsBytes: Number(values.results),
          target: placeOf(target),
          user: 'agent',
          password: 'a session password of the bench',
        },
        values['node-option'],
      )
      cleanup.use(edge)
      subjects.push({ variant, place: edge, pid: edge.pid, edge })
    }
  }

  const all: Measured[] = []
  const rounds = Number(values.rounds)
  const seconds = Number(values.seconds)
  const scale = Number(values.scale)
  const wantedWorkloads = values.workloads.split(',').map((name) => oneOf(workloads, name))
  // The first round warms up and does not count.
  for (let round = 0; round <= rounds; round++) {
    for (const workload of wantedWorkloads) {
      const ofRound = round === 0 ? [8] : values.clients.split(',').map(Number)
      for (const clients of workload === 'bulk' ? [1] : ofRound) {
        for (const subject of subjects) {
          if (!compared[workload].includes(subject.variant)) continue
          const isReference = workload === 'prepared' || /direct|passthrough/.test(subject.variant)
          const isShort = (round === 0 || isReference) && workload !== 'bulk'
          const load = {
            workload,
            clients,
            scale,
            seconds: Math.ceil(isShort ? seconds / 2 : seconds),
            place: subject.place,
            directory: logs,
          }
          const measured = await measure(pgbench, subject, load)
          if (round > 0) all.push({ ...measured, round })
        }
      }
    }
    if (round > 0) console.error(`round ${round} of ${rounds}, load average ${loads()}`)
  }
  console.log(`\n${tableOf(all)}\n`)
  console.log(
    `ratios are medians of the ratios within a round; CPU is user and system time of the whole process ÷ transactions` +
      ` (to reach for batched: ${targetCpuUs} µs); an edge's includes recording, spool, publisher and the bus`,
  )
}

async function measure(
  pgbench: string,
  { variant, pid, edge }: Subject,
  load: Parameters<typeof runPgbench>[1],
): Promise<Omit<Measured, 'round'>> {
  const before = pid === null ? null : await cpuTimeOf(pid)
  const { transactions, tps, p50Us } = await runPgbench(pgbench, load)
  // What the run left to do belongs to it.
  await edge?.drained()
  const after = pid === null ? null : await cpuTimeOf(pid)
  await delay(50)
  const { workload, clients } = load
  const perTransaction = (kind: 'processUs' | 'mainThreadUs'): number | null =>
    before === null || after === null ? null : (after[kind] - before[kind]) / transactions
  return {
    variant,
    workload,
    clients,
    tps,
    p50Us,
    cpuUs: perTransaction('processUs'),
    mainThreadUs: perTransaction('mainThreadUs'),
  }
}

function oneOf<T extends string>(all: readonly T[], wanted: string): T {
  const found = all.find((each) => each === wanted)
  if (found === undefined) throw new RangeError(`${wanted} is none of ${all.join(', ')}`)
  return found
}

function placeOf({ port, user, password, database }: Place): Place {
  return { port, user, password, database }
}

/** Debian keeps the programs of PostgreSQL, apart from a few, in a folder per version, and pgbouncer in /usr/sbin. */
async function programOf(name: string): Promise<string> {
  const found = findProgram(name)
  if (found !== null) return found
  const root = '/usr/lib/postgresql'
  const versions = await namesIn(root)
  const folders = versions.map((version) => join(root, version, 'bin')).concat('/usr/sbin')
  for (const folder of folders) {
    if ((await namesIn(folder)).includes(name)) return join(folder, name)
  }
  throw new Error(
    `${name} is not installed: on Debian, apt-get install postgresql-contrib pgbouncer`,
  )
}

async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder)
  } catch {
    return []
  }
}

function machine(postgres: string, pgbench: string, pgbouncer: string): string {
  const versionOf = (program: string): string =>
    execFileSync(program, ['--version'], { encoding: 'utf8' }).split('\n')[0] ?? ''
  const [first] = cpus()
  return [
    `${new Date().toISOString()}, ${cpus().length} × ${first?.model.trim()}, Linux ${release()}, load average ${loads()}`,
    `node ${process.version}, PostgreSQL ${postgres}, ${versionOf(pgbouncer)}, ${versionOf(pgbench)}`,
  ].join('\n')
}

function loads(): string {
  return loadavg()
    .map((load) => load.toFixed(1))
    .join(' ')
}
