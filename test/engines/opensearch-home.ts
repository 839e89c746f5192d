import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

import { unzipSync } from 'fflate'

import { cachedDirectory } from './engine-cache.ts'
import { copyArtifact, copyClosure, resolveClosures } from './maven.ts'
import type { Artifact } from './maven.ts'
import { openSearchModules } from './opensearch-modules.ts'
import type { OpenSearchModule } from './opensearch-modules.ts'

/**
 * The version that has its security plugin, with all that plugin asks for but one module, on Maven Central. What that module adds, rules
 * for groups of workloads, is not used here.
 */
export const securedVersion = '3.4.0'

/** As `openSearchHome`, with the security plugin. */
export async function securedOpenSearchHome(): Promise<string> {
  return cachedDirectory(`opensearch-${securedVersion}-security`, async (home) => {
    await build(home, securedVersion)
    await addSecurityPlugin(home)
  })
}

/** A directory that OpenSearch takes for its distribution, put together from the jars on Maven Central. */
export async function openSearchHome(version: string): Promise<string> {
  return cachedDirectory(`opensearch-${version}`, (home) => build(home, version))
}

const core = 'org.opensearch'

async function build(home: string, version: string): Promise<void> {
  const scratch = `${home}.project`
  const lib = [
    'opensearch',
    'opensearch-plugin-classloader',
    // Named by the server's own classes, although the agent itself is not used.
    'opensearch-agent-bootstrap',
  ].map((name) => ({ group: core, name, version }))
  const lists = new Map<string, readonly Artifact[]>([['lib', lib]])
  for (const [name, module] of openSearchModules) lists.set(name, artifactsOf(module, version))
  const files = await filesOf(await resolveClosures(lists, scratch))
  // It looks for all of them, also where nothing is in it.
  for (const name of ['bin', 'lib', 'modules', 'plugins', 'config']) {
    await mkdir(join(home, name))
  }
  const libFiles = files.get('lib') ?? []
  await copyAll(libFiles, join(home, 'lib'))
  await copyClosure(optionalOf(libFiles), join(home, 'lib'), join(scratch, 'optional'))
  for (const [name, module] of openSearchModules) {
    const above = module.extends === undefined ? [] : (files.get(module.extends) ?? [])
    const known = new Set([...libFiles, ...above].map(jarIdentity))
    const own = (files.get(name) ?? []).filter((file) => !known.has(jarIdentity(file)))
    const directory = join(home, 'modules', name)
    await mkdir(directory)
    await copyAll(own, directory)
    await writeFile(
      join(directory, 'plugin-descriptor.properties'),
      descriptor(name, module, version),
    )
  }
  await writeFile(join(home, 'config', 'log4j2.properties'), logging)
}

async function addSecurityPlugin(home: string): Promise<void> {
  const scratch = `${home}.security`
  const group = 'org.opensearch.plugin'
  const version = `${securedVersion}.0`
  await copyArtifact({ group, name: 'opensearch-security', version }, 'zip', scratch)
  const directory = join(home, 'plugins', 'opensearch-security')
  const zip = await readFile(join(scratch, `opensearch-security-${version}.zip`))
  for (const [name, bytes] of Object.entries(unzipSync(zip))) {
    if (name.endsWith('/')) continue
    await mkdir(dirname(join(directory, name)), { recursive: true })
    await writeFile(join(directory, name), bytes)
  }
  await copyClosure(
    [{ group: 'org.apache.commons', name: 'commons-collections4', version: '4.5.0' }],
    directory,
    join(scratch, 'collections'),
  )
  const descriptorFile = join(directory, 'plugin-descriptor.properties')
  const text = await readFile(descriptorFile, 'utf8')
  await writeFile(descriptorFile, text.replace(/^extended\.plugins=.*$/m, 'extended.plugins='))
}

function artifactsOf({ artifact }: OpenSearchModule, version: string): readonly Artifact[] {
  const own = { group: 'org.opensearch.plugin', name: artifact, version }
  const server = { group: core, name: 'opensearch', version }
  const spi = { group: 'org.opensearch.plugin', name: 'opensearch-scripting-painless-spi', version }
  return artifact === 'lang-painless' ? [own, server, spi] : [own, server]
}

/** Optional in the server's POM, and yet it does not start without the first. */
function optionalOf(lib: readonly string[]): readonly Artifact[] {
  const api = lib.map((file) => basename(file)).find((file) => file.startsWith('log4j-api-'))
  const version = /^log4j-api-(.+)\.jar$/.exec(api ?? '')?.[1]
  if (version === undefined) throw new Error('the jars of OpenSearch have no log4j-api')
  return [
    { group: 'org.apache.logging.log4j', name: 'log4j-core', version },
    { group: 'org.locationtech.jts', name: 'jts-core', version: '1.15.0' },
    { group: 'org.locationtech.spatial4j', name: 'spatial4j', version: '0.7' },
  ]
}

async function filesOf(
  classPaths: ReadonlyMap<string, string>,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const files = new Map<string, readonly string[]>()
  for (const [name, file] of classPaths) {
    files.set(name, (await readFile(file, 'utf8')).trim().split(':'))
  }
  return files
}

/** Group, artifact and classifier of a jar in Maven's repository: `group/path/artifact/version/artifact-version-classifier.jar`. */
function jarIdentity(file: string): string {
  const version = basename(dirname(file))
  const artifact = dirname(dirname(file))
  return join(artifact, basename(file).replace(`${basename(artifact)}-${version}`, ''))
}

async function copyAll(files: readonly string[], directory: string): Promise<void> {
  await Promise.all(files.map((file) => copyFile(file, join(directory, basename(file)))))
}

function descriptor(name: string, module: OpenSearchModule, version: string): string {
  return `description=${name}
version=${version}
name=${name}
classname=${core}.${module.className}
java.version=21
opensearch.version=${version}
extended.plugins=${module.extends ?? ''}
has.native.controller=false
`
}

const logging = `status = error
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = [%d{ISO8601}][%-5p][%c{1.}] %m%n
rootLogger.level = warn
rootLogger.appenderRef.console.ref = console
`
