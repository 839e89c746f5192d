import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

import type { WaitingEdge } from './waiting-edge.ts'

const run = promisify(execFile)

/** Runs a program of this folder, which signs in at the edge. Rejects when it fails. */
export function runProgram(python: string, name: string, { client }: WaitingEdge) {
  const { host, port, user, password, database } = client
  return run(python, [fileURLToPath(new URL(name, import.meta.url))], {
    timeout: 60_000,
    env: {
      PATH: process.env['PATH'],
      PGHOST: host,
      PGPORT: String(port),
      PGUSER: user,
      PGPASSWORD: password,
      PGDATABASE: database,
    },
  })
}
