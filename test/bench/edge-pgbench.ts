import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'

/** Where a client of PostgreSQL can sign in. */
export interface Place {
  readonly port: number
  readonly user: string
  readonly password: string
  readonly database: string
}

/**
 * What the clients run: pgbench's own point reads in one protocol or the other, point reads of the column that the guarded edge masks,
 * or that column of very many rows in one answer.
 */
export const workloads = ['simple', 'prepared', 'masked', 'bulk'] as const
export type Workload = (typeof workloads)[number]

export const bulkRows = 1_000_000

export interface Load {
  readonly place: Place
  readonly workload: Workload
  readonly clients: number
  /** Of pgbench's tables. */
  readonly scale: number
  readonly seconds: number
  /** For the log of latencies. */
  readonly directory: string
}

export interface LoadResult {
  readonly transactions: number
  /** Without the time that connecting took. */
  readonly tps: number
  readonly p50Us: number
}

/** Read-only pgbench in one thread. Of the latencies a sample is logged: all of them would slow the load itself. */
export async function runPgbench(program: string, load: Load): Promise<LoadResult> {
  const prefix = `log-${load.place.port}`
  const said = await pgbench(program, load.place, load.directory, [
    '-nl',
    ...(await scriptOf(load)),
    '--jobs=1',
    `--client=${load.clients}`,
    `--time=${load.seconds}`,
    `--log-prefix=${prefix}`,
    `--sampling-rate=${load.workload === 'bulk' ? 1 : 0.1}`,
  ])
  const transactions = /actually processed: (\d+)/.exec(said)?.[1]
  const tps = /tps = ([\d.]+) \(without/.exec(said)?.[1]
  const failed = /failed transactions: (\d+)/.exec(said)?.[1] ?? '0'
  if (transactions === undefined || tps === undefined || failed !== '0') {
    throw new Error(`pgbench did not finish its run:\n${said}`)
  }
  return {
    transactions: Number(transactions),
    tps: Number(tps),
    p50Us: await medianOfLog(load.directory, prefix),
  }
}

async function scriptOf({ workload, scale, directory }: Load): Promise<readonly string[]> {
  if (workload === 'simple' || workload === 'prepared') {
    return ['--builtin=select-only', `--protocol=${workload}`]
  }
  const file = join(directory, `${workload}.sql`)
  await writeFile(file, scripts[workload])
  return [`--file=${file}`, `--scale=${scale}`]
}

const scripts = {
  masked: `\\set aid random(1, 100000 * :scale)
SELECT aid, abalance, filler FROM pgbench_accounts WHERE aid = :aid;
`,
  bulk: `SELECT aid, filler FROM pgbench_accounts LIMIT ${bulkRows};
`,
} as const

export async function loadTables(
  program: string,
  place: Place,
  scale: number,
  directory: string,
): Promise<void> {
  await pgbench(program, place, directory, ['-i', '-q', '-s', String(scale)])
}

async function pgbench(
  program: string,
  { port, user, password, database }: Place,
  directory: string,
  args: readonly string[],
): Promise<string> {
  const connection = ['-h', '127.0.0.1', '-p', String(port), '-U', user]
  const child = spawn(program, [...args, ...connection, database], {
    cwd: directory,
    env: { PGPASSWORD: password, PGSSLMODE: 'disable', LC_ALL: 'C' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const [out, problems, [status]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number | null]>,
  ])
  if (status !== 0) throw new Error(`pgbench ended with ${status}:\n${problems}`)
  return out
}

/** A line is: client, number, microseconds, file, second, microsecond. */
async function medianOfLog(directory: string, prefix: string): Promise<number> {
  const names = (await readdir(directory)).filter((name) => name.startsWith(prefix))
  const latencies: number[] = []
  for (const name of names) {
    const lines = (await readFile(join(directory, name), 'utf8')).split('\n')
    for (const line of lines) if (line !== '') latencies.push(Number(line.split(' ')[2]))
    await rm(join(directory, name))
  }
  latencies.sort((a, b) => a - b)
  return latencies[latencies.length >> 1] ?? Number.NaN
}
