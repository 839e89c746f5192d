import { spawn } from 'node:child_process'
import type { ChildProcess, StdioOptions } from 'node:child_process'
import { once } from 'node:events'
import { chown, mkdir, open, readFile, readlink, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import { DemoError } from '../demo-error.ts'
import type { PostgresBinaries } from './postgres-binaries.ts'
import { canEnter } from './unprivileged-user.ts'
import type { RunAs } from './unprivileged-user.ts'

/** The files of one PostgreSQL: the cluster itself, owned by whoever runs it, and what we keep beside it. */
export interface Cluster {
  readonly directory: string
  readonly data: string
  readonly binaries: PostgresBinaries
  readonly user: RunAs
}

/** Makes the cluster unless it is there. It gets its name only when complete, so a start that was interrupted begins anew. */
export async function ensureCluster(cluster: Cluster, password: string): Promise<void> {
  if ((await readIfPresent(join(cluster.data, 'PG_VERSION'))) !== null) return
  const fresh = { ...cluster, data: `${cluster.data}.new` }
  await rm(fresh.data, { recursive: true, force: true })
  await mkdir(fresh.data, { recursive: true, mode: 0o700 })
  if (cluster.user !== null) await chown(fresh.data, cluster.user.uid, cluster.user.gid)
  const passwordFile = join(cluster.directory, 'initdb-password')
  await rm(passwordFile, { force: true })
  await writeFile(passwordFile, password, { mode: 0o600, flag: 'wx' })
  if (cluster.user !== null) await chown(passwordFile, cluster.user.uid, cluster.user.gid)
  const handle = await open(passwordFile)
  try {
    // The password goes by an open file: the user may be unable to reach it by its path.
    const child = startProgram(
      fresh,
      cluster.binaries.initdb,
      ['--username=postgres', '--pwfile=/proc/self/fd/3', '--auth=scram-sha-256'].concat([
        '--encoding=UTF8',
        '--locale=C',
        '--data-checksums',
        '--no-instructions',
      ]),
      ['ignore', 'ignore', 'pipe', handle.fd],
    )
    const [said, [status]] = await Promise.all([
      child.stderr === null ? '' : text(child.stderr),
      once(child, 'close') as Promise<[number | null]>,
    ])
    if (status !== 0) throw new DemoError('DEMO_POSTGRES_FAILED', `initdb failed: ${said.trim()}`)
  } finally {
    await handle.close()
    await rm(passwordFile, { force: true })
  }
  await rename(fresh.data, cluster.data)
}

/**
 * Starts a program of PostgreSQL on the cluster. A user who cannot walk to the data directory by its path gets it as working directory,
 * which the kernel sets before it drops root's rights; /proc/self/cwd then leads there without any path.
 */
export function startProgram(
  cluster: Cluster,
  program: string,
  argv: readonly string[],
  stdio: StdioOptions,
): ChildProcess {
  const isReachable = cluster.user === null || canEnter(cluster.data, cluster.user)
  return spawn(program, ['-D', isReachable ? cluster.data : '/proc/self/cwd', ...argv], {
    cwd: cluster.data,
    env: { LC_ALL: 'C', TZ: 'UTC' },
    stdio,
    ...cluster.user,
  })
}

/** The first lines of postmaster.pid: process id on the first, state on the eighth. */
export async function readPostmaster(
  data: string,
): Promise<{ pid: number; isReady: boolean } | null> {
  const lines = (await readIfPresent(join(data, 'postmaster.pid')))?.split('\n')
  if (lines === undefined) return null
  return { pid: Number(lines[0]), isReady: lines[7]?.trim() === 'ready' }
}

/**
 * Makes the way free for a start. A postmaster that outlived the process that started it is stopped; one whose process still lives is
 * somebody else's demo. A lock file whose process is gone, or whose number went to another program, is removed.
 */
export async function clearStaleLock(cluster: Cluster): Promise<void> {
  const left = await readPostmaster(cluster.data)
  if (left === null) return
  if (await isPostmasterOf(left.pid, cluster.data)) {
    const parent = await parentOf(left.pid)
    const starter = Number(await readIfPresent(join(cluster.directory, 'started-by')))
    if (parent !== null && parent === starter) {
      throw new DemoError(
        'DEMO_POSTGRES_IN_USE',
        `${cluster.directory} is in use by process ${starter}: stop that demo first, or choose another data directory`,
      )
    }
    await interrupt(left.pid)
  }
  await rm(join(cluster.data, 'postmaster.pid'), { force: true })
}

async function isPostmasterOf(pid: number, data: string): Promise<boolean> {
  if (!Number.isSafeInteger(pid) || pid <= 1) return false
  try {
    return (await readlink(`/proc/${pid}/cwd`)) === data
  } catch {
    // Gone, or a process of somebody else.
    return false
  }
}

async function parentOf(pid: number): Promise<number | null> {
  const status = await readIfPresent(`/proc/${pid}/status`)
  const line = status?.split('\n').find((each) => each.startsWith('PPid:'))
  return line === undefined ? null : Number(line.slice(5))
}

async function interrupt(pid: number): Promise<void> {
  for (let waitedMs = 0; waitedMs < 20_000; waitedMs += 20) {
    try {
      // The first signal asks for a fast shutdown, the rest only ask whether it is still there.
      process.kill(pid, waitedMs === 0 ? 'SIGINT' : 0)
    } catch {
      return
    }
    await delay(20)
  }
  throw new DemoError(
    'DEMO_POSTGRES_IN_USE',
    `the PostgreSQL of an earlier demo does not stop: end process ${pid} and start again`,
  )
}

export async function readIfPresent(file: string): Promise<string | null> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    // ESRCH: the process went away while its entry in /proc was read.
    if (code === 'ENOENT' || code === 'ESRCH') return null
    throw error
  }
}
