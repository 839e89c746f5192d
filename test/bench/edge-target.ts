import { mkdir, open } from 'node:fs/promises'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

import { findPostgresBinaries } from '../../services/all-in-one/demo/database/postgres-binaries.ts'
import {
  ensureCluster,
  readPostmaster,
  startProgram,
} from '../../services/all-in-one/demo/database/postgres-cluster.ts'
import type { Cluster } from '../../services/all-in-one/demo/database/postgres-cluster.ts'
import { findUnprivilegedUser } from '../../services/all-in-one/demo/database/unprivileged-user.ts'
import type { Place } from './edge-pgbench.ts'
import { freePort } from './free-port.ts'

export interface BenchTarget extends Place, AsyncDisposable {
  readonly version: string
}

const password = 'the password of the target'

/**
 * A real PostgreSQL whose data fit into its memory, without fsync: what is compared is what stands in front of it. SCRAM, no TLS,
 * many connections.
 */
export async function startTarget(directory: string): Promise<BenchTarget> {
  await mkdir(directory, { mode: 0o700 })
  const user = findUnprivilegedUser()
  const binaries = await findPostgresBinaries(directory, user)
  const cluster: Cluster = { directory, data: join(directory, 'cluster'), binaries, user }
  await ensureCluster(cluster, password)
  const port = await freePort()
  const settings = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: '',
    fsync: 'off',
    shared_buffers: '512MB',
    max_connections: '200',
    max_wal_size: '2GB',
    io_method: 'sync',
    autovacuum: 'off',
    jit: 'off',
  }
  const argv = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const log = await open(join(directory, 'postgresql.log'), 'a', 0o600)
  const child = startProgram(cluster, binaries.postgres, argv, ['ignore', log.fd, log.fd])
  await log.close()
  const ended = once(child, 'exit')
  const stop = async (): Promise<void> => {
    child.kill('SIGINT')
    await ended
  }
  for (let waitedMs = 0; (await readPostmaster(cluster.data))?.isReady !== true; waitedMs += 20) {
    if (waitedMs > 30_000 || child.exitCode !== null) {
      await stop()
      throw new Error('PostgreSQL did not start')
    }
    await delay(20)
  }
  return {
    port,
    user: 'postgres',
    password,
    database: 'postgres',
    version: binaries.version,
    [Symbol.asyncDispose]: stop,
  }
}
