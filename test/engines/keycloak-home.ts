import { execFile } from 'node:child_process'
import { mkdir, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'

import { cachedDirectory } from './engine-cache.ts'
import { EngineProcess } from './engine-process.ts'
import type { Java } from './java.ts'
import { copyArtifact } from './maven.ts'

export const keycloakVersion = '26.4.0'

const artifact = {
  group: 'org.keycloak',
  name: 'keycloak-quarkus-dist',
  version: keycloakVersion,
} as const

/**
 * The distribution, built once for a database in memory: building takes longer than starting what was built. `lib` and `providers` are
 * what a server takes of it.
 */
export async function keycloakHome(java: Java): Promise<string> {
  const cached = await cachedDirectory(`keycloak-${keycloakVersion}`, (directory) =>
    build(java, directory),
  )
  return join(cached, `keycloak-${keycloakVersion}`)
}

async function build(java: Java, directory: string): Promise<void> {
  const scratch = join(dirname(directory), 'zip')
  await mkdir(scratch)
  await copyArtifact(artifact, 'zip', scratch)
  const zip = join(scratch, `${artifact.name}-${keycloakVersion}.zip`)
  await promisify(execFile)(join(java.home, 'bin', 'jar'), ['xf', zip], { cwd: directory })
  await rm(scratch, { recursive: true })
  const home = join(directory, `keycloak-${keycloakVersion}`)
  await using building = runKeycloak(java, home, ['build', '--db=dev-mem'])
  const status = await building.ended()
  if (status !== 0) throw new Error(`Keycloak was not built (${status}): ${await building.said()}`)
}

/** Keycloak itself rather than its script, so that to end the process is to end Keycloak. */
export function runKeycloak(java: Java, home: string, args: readonly string[]): EngineProcess {
  const opened = ['java.util', 'java.util.concurrent', 'java.security']
  return new EngineProcess({
    program: join(java.home, 'bin', 'java'),
    args: [
      '-Xmx512m',
      '-XX:+UseSerialGC',
      '-XX:TieredStopAtLevel=1',
      `-Dkc.home.dir=${home}`,
      '-Djava.util.concurrent.ForkJoinPool.common.threadFactory=io.quarkus.bootstrap.forkjoin.QuarkusForkJoinWorkerThreadFactory',
      ...opened.map((name) => `--add-opens=java.base/${name}=ALL-UNNAMED`),
      '-cp',
      join(home, 'lib', 'quarkus-run.jar'),
      'io.quarkus.bootstrap.runner.QuarkusEntryPoint',
      ...args,
    ],
    directory: home,
  })
}
