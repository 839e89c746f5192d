import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chown, copyFile, mkdir, open, realpath, rename, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from '../../../runtime/logger.ts'
import { ensureSelfSignedCertificate } from '../../../runtime/self-signed-certificate.ts'
import { DemoError } from '../demo-error.ts'
import { listening } from '../listening.ts'
import { findPostgresBinaries } from './postgres-binaries.ts'
import type { PostgresBinaries } from './postgres-binaries.ts'
import { clearStaleLock, ensureCluster, readIfPresent } from './postgres-cluster.ts'
import { readPostmaster, startProgram } from './postgres-cluster.ts'
import type { Cluster } from './postgres-cluster.ts'
import { ensureSecret } from '../secret-file.ts'
import { findUnprivilegedUser } from './unprivileged-user.ts'

export interface EmbeddedPostgres extends AsyncDisposable {
  readonly host: '127.0.0.1'
  readonly port: number
  readonly superuser: 'postgres'
  readonly superuserPassword: string
  /** The server's certificate, to be trusted as it is; names: localhost, 127.0.0.1, ::1. */
  readonly ca: string
  readonly caFile: string
  readonly logFile: string
  readonly pid: number
  /** Fulfilled when the server ended, for whatever reason. */
  readonly exited: Promise<void>
}

export interface EmbeddedPostgresOptions {
  /** Cluster, certificate, password and log live here and are found again by the next start. */
  readonly directory: string
  readonly port: number
  /** Aborting stops the server as disposing does. */
  readonly signal?: AbortSignal
  readonly logger?: Logger
  /** Another PostgreSQL than that of the platform package. */
  readonly binaries?: PostgresBinaries
}

const host = '127.0.0.1'
const startTimeoutMs = 30_000

/**
 * A PostgreSQL of our own on the loopback interface, as target of the demo. Needs no rights and leaves nothing running: disposing it
 * asks for a fast shutdown and waits for its end; after a `kill -9` of this process the next start clears up.
 */
export async function startEmbeddedPostgres(
  options: EmbeddedPostgresOptions,
): Promise<EmbeddedPostgres> {
  options.signal?.throwIfAborted()
  await mkdir(options.directory, { recursive: true, mode: 0o700 })
  const directory = await realpath(options.directory)
  const user = findUnprivilegedUser()
  const binaries = options.binaries ?? (await findPostgresBinaries(directory, user))
  const cluster: Cluster = { directory, data: join(directory, 'cluster'), binaries, user }
  const superuserPassword = await ensureSecret(join(directory, 'superuser-password'))
  await clearStaleLock(cluster)
  await refusePortInUse(options.port)
  await ensureCluster(cluster, superuserPassword)
  const ca = await configure(cluster)
  await writeFile(join(directory, 'started-by'), String(process.pid))
  const logFile = join(directory, 'postgresql.log')
  const child = await startServer(cluster, options.port, logFile)
  const stop = (): Promise<void> => stopServer(child)
  try {
    await untilReady(cluster, child, logFile)
  } catch (error) {
    await stop()
    throw error
  }
  const onAbort = (): void => void stop()
  options.signal?.addEventListener('abort', onAbort, { once: true })
  if (options.signal?.aborted === true) onAbort()
  options.logger?.info(
    { port: options.port, pid: child.pid },
    'the PostgreSQL of the demo is ready',
  )
  return {
    host,
    port: options.port,
    superuser: 'postgres',
    superuserPassword,
    ca,
    caFile: join(directory, 'server.crt'),
    logFile,
    pid: child.pid ?? 0,
    exited: hasEnded(child) ? Promise.resolve() : once(child, 'exit').then(() => {}),
    async [Symbol.asyncDispose]() {
      options.signal?.removeEventListener('abort', onAbort)
      await stop()
    },
  }
}

/** Who may connect, and the certificate. Written at every start, so that what a person changed there does not stay. */
async function configure(cluster: Cluster): Promise<string> {
  const { certificatePem } = await ensureSelfSignedCertificate({
    certificateFile: join(cluster.directory, 'server.crt'),
    keyFile: join(cluster.directory, 'server.key'),
    commonName: 'affidavit demo PostgreSQL',
    names: ['localhost', host, '::1'],
    now: new Date(),
  })
  await handOver(cluster, 'server.crt', (fresh) =>
    copyFile(join(cluster.directory, 'server.crt'), fresh),
  )
  await handOver(cluster, 'server.key', (fresh) =>
    copyFile(join(cluster.directory, 'server.key'), fresh),
  )
  await handOver(cluster, 'pg_hba.conf', (fresh) =>
    writeFile(fresh, `host all all ${host}/32 scram-sha-256\n`, { mode: 0o600 }),
  )
  return certificatePem
}

/** A file in the cluster that belongs to whoever runs the server. */
async function handOver(
  cluster: Cluster,
  name: string,
  write: (fresh: string) => Promise<void>,
): Promise<void> {
  const file = join(cluster.data, name)
  const fresh = `${file}.new`
  await rm(fresh, { force: true })
  await write(fresh)
  if (cluster.user !== null) await chown(fresh, cluster.user.uid, cluster.user.gid)
  await rename(fresh, file)
}

async function startServer(cluster: Cluster, port: number, logFile: string): Promise<ChildProcess> {
  const settings = {
    listen_addresses: host,
    port: String(port),
    // No socket file: nothing outside the data directory.
    unix_socket_directories: '',
    password_encryption: 'scram-sha-256',
    ssl: 'on',
    ssl_cert_file: 'server.crt',
    ssl_key_file: 'server.key',
    ssl_min_protocol_version: 'TLSv1.2',
    shared_buffers: '32MB',
    max_connections: '60',
    max_wal_size: '256MB',
    ...(parseInt(cluster.binaries.version, 10) >= 18 ? { io_method: 'sync' } : {}),
    jit: 'off',
    logging_collector: 'off',
    log_timezone: 'UTC',
    timezone: 'UTC',
    // Statements are evidence and stay out of logs.
    log_statement: 'none',
    log_min_error_statement: 'panic',
  }
  const argv = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const log = await open(logFile, 'a', 0o600)
  try {
    return startProgram(cluster, cluster.binaries.postgres, argv, ['ignore', log.fd, log.fd])
  } finally {
    await log.close()
  }
}

async function untilReady(cluster: Cluster, child: ChildProcess, logFile: string): Promise<void> {
  const spawning = new AbortController()
  child.once('error', (error) => spawning.abort(error))
  for (let waitedMs = 0; waitedMs < startTimeoutMs; waitedMs += 10) {
    const postmaster = await readPostmaster(cluster.data)
    if (postmaster?.pid === child.pid && postmaster?.isReady === true) return
    if (hasEnded(child) || spawning.signal.aborted) {
      const lastLine = (await readIfPresent(logFile))?.trim().split('\n').at(-1) ?? ''
      throw new DemoError(
        'DEMO_POSTGRES_FAILED',
        `the PostgreSQL of the demo ended at its start, see ${logFile}: ${lastLine}`,
        { cause: spawning.signal.reason },
      )
    }
    await delay(10)
  }
  throw new DemoError(
    'DEMO_POSTGRES_FAILED',
    `the PostgreSQL of the demo was not ready after ${startTimeoutMs / 1000} s, see ${logFile}`,
  )
}

/** SIGINT is PostgreSQL's fast shutdown: sessions are ended, everything is written. */
async function stopServer(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || hasEnded(child)) return
  const ended = once(child, 'exit')
  child.kill('SIGINT')
  await ended
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null
}

/** PostgreSQL would say it in its log only. */
async function refusePortInUse(port: number): Promise<void> {
  const probe = createServer()
  try {
    await listening(probe, port, host)
  } finally {
    probe.close()
  }
}
