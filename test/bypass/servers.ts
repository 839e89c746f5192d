import { execFile } from 'node:child_process'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

import { startEmbeddedPostgres } from '../../services/all-in-one/demo/database/embedded-postgres.ts'
import type { EmbeddedPostgres } from '../../services/all-in-one/demo/database/embedded-postgres.ts'
import { findProgram, missing } from '../support/engine.ts'
import type { Skippable } from '../support/engine.ts'
import { freePort } from '../services/edge/postgres/edge-fixture.ts'

export type PostgresVersion = 15 | 18

/**
 * A PostgreSQL of this version in a directory of its own: 18 from the platform package, 15 as Debian installs it or where
 * POSTGRES_15_BIN says. Null, with the test skipped by name, where it is not there.
 */
export async function startServer(
  t: Skippable,
  version: PostgresVersion,
): Promise<EmbeddedPostgres | null> {
  const bin = version === 18 ? null : await findVersion(version)
  if (bin === undefined) return missing(t, `PostgreSQL ${version} (package postgresql-${version})`)
  const directory = await mkdtemp(join(tmpdir(), `bypass-${version}-`))
  // The initdb of 15 does not get by with a working directory whose path it cannot walk.
  await chmod(directory, 0o711)
  const server = await startEmbeddedPostgres({
    directory,
    port: await freePort(),
    ...(bin === null
      ? {}
      : {
          binaries: {
            initdb: join(bin, 'initdb'),
            postgres: join(bin, 'postgres'),
            version: String(version),
          },
        }),
  })
  return {
    ...server,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

async function findVersion(version: PostgresVersion): Promise<string | undefined> {
  const named = process.env[`POSTGRES_${version}_BIN`]
  if (named !== undefined) return named
  const debian = `/usr/lib/postgresql/${version}/bin`
  for (const bin of [debian, ...directoryOf(findProgram('postgres'))]) {
    try {
      const { stdout } = await promisify(execFile)(join(bin, 'postgres'), ['--version'])
      if (stdout.includes(` ${version}.`)) return bin
    } catch {
      // Not here.
    }
  }
  return undefined
}

function directoryOf(program: string | null): readonly string[] {
  return program === null ? [] : [join(program, '..')]
}
