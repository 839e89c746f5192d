import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

import { missing } from '../support/engine.ts'
import type { Skippable } from '../support/engine.ts'
import { freePorts } from '../support/free-ports.ts'
import { cachedDirectory } from './engine-cache.ts'
import { EngineProcess } from './engine-process.ts'
import { aJava, findJava } from './java.ts'
import { copyArtifact, isMavenHere } from './maven.ts'
import { untilReady } from './until-ready.ts'

export interface RegistryEngine extends AsyncDisposable {
  /** Where it answers as a Confluent schema registry, without a slash at its end. */
  readonly url: string
}

const version = '3.3.3'
const startMs = 90_000

/** The registry at SCHEMA_REGISTRY_URL, else Apicurio from Maven Central, in memory; else null, and the test is skipped by name. */
export async function startRegistry(t: Skippable): Promise<RegistryEngine | null> {
  const given = process.env['SCHEMA_REGISTRY_URL']
  if (given !== undefined) return { url: given, [Symbol.asyncDispose]: () => Promise.resolve() }
  const java = findJava(21)
  if (java === null) return missing(t, `Apicurio ${version} needs ${aJava(21)}, which`)
  if (!isMavenHere()) return missing(t, `Apicurio ${version} needs Maven (mvn), which`)
  const home = await apicurioHome()
  await using undo = new AsyncDisposableStack()
  const directory = await mkdtemp(join(tmpdir(), 'affidavit-registry-'))
  undo.defer(() => rm(directory, { recursive: true, force: true }))
  const port = await freePorts(2)
  const registry = undo.use(
    new EngineProcess({
      program: join(java.home, 'bin', 'java'),
      args: [
        '-Xmx256m',
        '-XX:+UseSerialGC',
        '-XX:TieredStopAtLevel=1',
        '-Dquarkus.http.host=127.0.0.1',
        `-Dquarkus.http.port=${port}`,
        '-Dquarkus.management.host=127.0.0.1',
        `-Dquarkus.management.port=${port + 1}`,
        '-jar',
        join(home, 'quarkus-run.jar'),
      ],
      directory,
    }),
  )
  const url = `http://127.0.0.1:${port}/apis/ccompat/v8`
  const isReady = async (): Promise<boolean> => {
    const answer = await fetch(`${url}/subjects`, { signal: AbortSignal.timeout(3_000) })
    await answer.arrayBuffer()
    return answer.ok
  }
  await untilReady('Apicurio', registry, isReady, startMs)
  const owned = undo.move()
  return { url, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

async function apicurioHome(): Promise<string> {
  return cachedDirectory(`apicurio-${version}`, async (directory) => {
    const archive = { group: 'io.apicurio', name: 'apicurio-registry-app', version }
    const scratch = `${directory}.archive`
    await copyArtifact(archive, 'tar.gz:all', scratch)
    const file = join(scratch, `apicurio-registry-app-${version}-all.tar.gz`)
    await promisify(execFile)('tar', ['-xzf', file, '-C', directory])
    await rm(scratch, { recursive: true })
  })
}
