import { execFile } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

import { requireProgram } from './engine.ts'

const run = promisify(execFile)
const environment = fileURLToPath(new URL('../../.cache/clients/python/', import.meta.url))
const drivers = ['psycopg[binary]==3.2.9', 'asyncpg==0.30.0']

/** A Python with the drivers for PostgreSQL, in a virtual environment of the cache. Null, and the test skipped, where there is none. */
export async function pythonOfDrivers(t: TestContext): Promise<string | null> {
  const python = requireProgram(t, 'python3')
  if (python === null) return null
  const program = join(environment, 'bin/python')
  if (!existsSync(join(environment, 'installed'))) {
    await run(python, ['-m', 'venv', environment])
    await run(program, ['-m', 'pip', 'install', '--quiet', ...drivers])
    writeFileSync(join(environment, 'installed'), drivers.join('\n'))
  }
  return program
}
