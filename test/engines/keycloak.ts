import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { missing } from '../support/engine.ts'
import type { Skippable } from '../support/engine.ts'
import { freePorts } from '../support/free-ports.ts'
import { aJava, findJava } from './java.ts'
import { keycloakHome, runKeycloak } from './keycloak-home.ts'
import { realmFiles, realmName } from './keycloak-realm.ts'
import { isMavenHere } from './maven.ts'
import { untilReady } from './until-ready.ts'

export interface Keycloak extends AsyncDisposable {
  /** The issuer that a realm is. */
  issuerOf(realm: string): string
}

const javaVersion = 17
const startMs = 300_000

/** A Keycloak with the realms of the tests, in memory. Null, and the test skipped, where there is none to be had. */
export async function startKeycloak(t: Skippable): Promise<Keycloak | null> {
  const java = findJava(javaVersion)
  if (java === null) return missing(t, `Keycloak: ${aJava(javaVersion)}`)
  if (!isMavenHere()) return missing(t, 'Keycloak: Maven, which fetches it')
  const built = await keycloakHome(java)
  await using undo = new AsyncDisposableStack()
  const home = await mkdtemp(join(tmpdir(), 'affidavit-keycloak-'))
  undo.defer(() => rm(home, { recursive: true, force: true }))
  for (const part of ['lib', 'providers', 'themes']) {
    await symlink(join(built, part), join(home, part))
  }
  await cp(join(built, 'conf'), join(home, 'conf'), { recursive: true })
  const imported = join(home, 'data', 'import')
  await mkdir(imported, { recursive: true })
  for (const [name, text] of realmFiles()) await writeFile(join(imported, name), text)
  const port = await freePorts(1)
  const url = `http://127.0.0.1:${port}`
  const server = undo.use(
    runKeycloak(java, home, [
      'start',
      '--optimized',
      '--import-realm',
      '--cache=local',
      '--http-enabled=true',
      '--http-host=127.0.0.1',
      `--http-port=${port}`,
      `--hostname=${url}`,
    ]),
  )
  const issuerOf = (realm: string): string => `${url}/realms/${realm}`
  const isReady = async (): Promise<boolean> => {
    const response = await fetch(`${issuerOf(realmName)}/.well-known/openid-configuration`)
    return response.ok
  }
  await untilReady('Keycloak', server, isReady, startMs)
  const owned = undo.move()
  return { issuerOf, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}
