import { mkdirSync, writeFileSync } from 'node:fs'
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { tmpdir } from 'node:os'

import { Command } from 'commander'

import type { SessionPassword } from '../api/schemas/credentials.ts'
import { CommandFailure } from './failure.ts'
import { sessionPassword } from './session-password.ts'
import type { SessionPasswordOptions } from './session-password.ts'

interface ConnectOptions extends SessionPasswordOptions {
  readonly exec?: boolean
  readonly json?: boolean
}

export function connectCommand(): Command {
  return new Command('connect')
    .description('Get a short-lived session password for a target, in exchange for your sign-in.')
    .argument('<target>', 'the name of the target')
    .option('--database <name>', 'the database to connect to')
    .option('--purpose <text>', 'why; it stands in every event of the session')
    .option('--exec', 'start psql with it at once')
    .option('--device', 'sign in on another device, where this machine has no browser')
    .option('--client-id <id>', 'of an agent or a service that connects as itself')
    .option('--client-secret-file <file>', 'its secret at the issuer')
    .option('--subject-token-file <file>', 'the token of the person that it acts for')
    .option('--api <url>', 'where affidavit runs')
    .option('--sign-in <file>', 'the sign-in file to use')
    .option('--json', 'print everything as JSON')
    .addHelpText(
      'after',
      `
The password works for this target only, and ends with your sign-in. It is printed once and kept nowhere. A token gets one of them:
you are asked to sign in again for the next.
  affidavit connect shop --exec            psql, right away
  affidavit connect shop --json            for a program; AFFIDAVIT_TOKEN holds its OIDC token`,
    )
    .action(connect)
}

async function connect(target: string, options: ConnectOptions): Promise<void> {
  const issued = await sessionPassword(target, options)
  if (options.json === true) {
    process.stdout.write(`${JSON.stringify(issued, null, 2)}\n`)
    return
  }
  const caFile = writeCertificate(issued)
  const connection = `host=${issued.host} port=${issued.port} dbname=${issued.database} user=${issued.user} sslmode=verify-full sslrootcert=${caFile}`
  if (options.exec === true) {
    await runPsql(connection, issued.password)
    return
  }
  process.stdout.write(
    `Until ${issued.expires_at}:\n  PGPASSWORD='${issued.password}' psql '${connection}'\n`,
  )
}

function writeCertificate(issued: SessionPassword): string {
  const directory = join(tmpdir(), `affidavit-${process.getuid?.() ?? 0}`)
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const file = join(directory, `${issued.target}.crt`)
  writeFileSync(file, issued.ca_pem, { mode: 0o600 })
  return file
}

async function runPsql(connection: string, password: string): Promise<void> {
  const psql = spawn('psql', [connection], {
    stdio: 'inherit',
    env: { ...process.env, PGPASSWORD: password },
  })
  const code = await new Promise<number>((resolve, reject) => {
    psql.on('error', (cause) => {
      reject(new CommandFailure('psql is not installed here', 1, { cause }))
    })
    psql.on('exit', (status) => {
      resolve(status ?? 1)
    })
  })
  process.exitCode = code
}
