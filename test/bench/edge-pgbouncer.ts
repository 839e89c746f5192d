import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chown, mkdir, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

import { findUnprivilegedUser } from '../../services/all-in-one/demo/database/unprivileged-user.ts'
import type { Place } from './edge-pgbench.ts'
import { freePort } from './free-port.ts'

export interface Pgbouncer extends Place, AsyncDisposable {
  readonly pid: number
}

/** pgbouncer in session mode: SCRAM on both sides, no TLS, nothing logged, and a pool that fits every client. */
export async function startPgbouncer(
  program: string,
  directory: string,
  target: Place,
): Promise<Pgbouncer> {
  await mkdir(directory, { mode: 0o700 })
  const port = await freePort()
  const settings = {
    listen_addr: '127.0.0.1',
    listen_port: port,
    unix_socket_dir: '',
    pool_mode: 'session',
    auth_type: 'scram-sha-256',
    auth_file: join(directory, 'users.txt'),
    max_client_conn: 200,
    default_pool_size: 100,
    client_tls_sslmode: 'disable',
    server_tls_sslmode: 'disable',
    log_connections: 0,
    log_disconnections: 0,
    log_stats: 0,
  }
  const database = `${target.database} = host=127.0.0.1 port=${target.port}`
  const lines = Object.entries(settings).map(([name, value]) => `${name} = ${value}`)
  const file = join(directory, 'pgbouncer.ini')
  await writeFile(file, ['[databases]', database, '[pgbouncer]', ...lines, ''].join('\n'))
  await writeFile(settings.auth_file, `"${target.user}" "${target.password}"\n`)
  // It refuses to run as root.
  const user = findUnprivilegedUser()
  if (user !== null) {
    for (const path of [directory, file, settings.auth_file]) await chown(path, user.uid, user.gid)
  }
  const child = spawn(program, ['-q', file], { stdio: 'ignore', ...user })
  const ended = once(child, 'exit')
  const stop = async (): Promise<void> => {
    child.kill('SIGINT')
    await ended
  }
  for (let waitedMs = 0; !(await isListening(port)); waitedMs += 20) {
    if (waitedMs > 10_000 || child.exitCode !== null) {
      await stop()
      throw new Error('pgbouncer did not start')
    }
    await delay(20)
  }
  return { ...target, port, pid: child.pid ?? 0, [Symbol.asyncDispose]: stop }
}

async function isListening(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}
