import {
  chown,
  copyFile,
  cp,
  mkdir,
  mkdtemp,
  readFile,
  readdir,
  rm,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { parse } from 'yaml'

import {
  canEnter,
  findUnprivilegedUser,
} from '../../services/all-in-one/demo/database/unprivileged-user.ts'
import type { RunAs } from '../../services/all-in-one/demo/database/unprivileged-user.ts'
import { freePorts } from '../support/free-ports.ts'
import { EngineProcess } from './engine-process.ts'
import type { EngineCommand } from './engine-process.ts'
import type { Java } from './java.ts'
import { openSearchHome } from './opensearch-home.ts'
import type { OpenSearchEngine } from './opensearch-engine.ts'
import { untilReady } from './until-ready.ts'

export interface NodeOptions {
  readonly java: Java
  readonly version: string
  readonly settings: Readonly<Record<string, string>>
}

export interface SecuredNodeOptions {
  readonly java: Java
  /** With the security plugin. */
  readonly home: string
  /** Holds `node.pem` and `node.key`, and `trusted.pem` with the administrator's certificate too. */
  readonly certificates: string
  /** Settings, roles and their mapping are taken from there. */
  readonly deploy: string
  readonly isReady: IsReady
}

/** Asks the node at that address; may reject while it is not there. */
type IsReady = (url: string) => Promise<boolean>

const startMs = 180_000

/** One OpenSearch as a process of our own. Disposing kills it and removes its data. */
export class OpenSearchNode implements OpenSearchEngine {
  readonly url: string
  readonly #command: EngineCommand
  readonly #isReady: IsReady
  #process: EngineProcess

  constructor(url: string, command: EngineCommand, isReady: IsReady) {
    this.url = url
    this.#command = command
    this.#isReady = isReady
    this.#process = new EngineProcess(command)
  }

  async untilServing(): Promise<void> {
    await untilReady('OpenSearch', this.#process, () => this.#isReady(this.url), startMs)
  }

  async kill(): Promise<void> {
    await this.#process.kill()
  }

  async start(): Promise<void> {
    if (this.#process.isRunning) throw new Error('this OpenSearch runs already')
    this.#process = new EngineProcess(this.#command)
    await this.untilServing()
  }

  freeze(): void {
    this.#process.freeze()
  }

  thaw(): void {
    this.#process.thaw()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process.kill()
    await rm(this.#command.directory, { recursive: true, force: true })
  }
}

export async function startOpenSearchNode(options: NodeOptions): Promise<OpenSearchNode> {
  const home = await openSearchHome(options.version)
  return await start({ ...options, home, isReady: isServing })
}

/** Over TLS, with the settings, roles and mapping of `deploy` in force. There are no users yet, only the administrator's certificate. */
export async function startSecuredNode(options: SecuredNodeOptions): Promise<OpenSearchNode> {
  const { java, home, certificates, deploy } = options
  const settings = parse(await readFile(join(deploy, 'opensearch.yml'), 'utf8')) as object
  return await start({
    java,
    home,
    settings: { ...securitySettings, ...settings },
    prepare: async (config) => {
      for (const file of ['node.pem', 'node.key', 'trusted.pem']) {
        await copyFile(join(certificates, file), join(config, file))
      }
      const security = join(config, 'opensearch-security')
      await cp(join(home, 'plugins', 'opensearch-security', 'config'), security, {
        recursive: true,
      })
      for (const file of ['roles.yml', 'roles_mapping.yml']) {
        await copyFile(join(deploy, file), join(security, file))
      }
      await writeFile(join(security, 'internal_users.yml'), noUsers)
    },
    isReady: options.isReady,
    scheme: 'https',
  })
}

interface StartOptions {
  readonly java: Java
  readonly home: string
  readonly settings: Readonly<Record<string, unknown>>
  /** Adds to its directory of configuration. */
  readonly prepare?: (directory: string) => Promise<void>
  readonly isReady: IsReady
  readonly scheme?: 'http' | 'https'
}

async function start(options: StartOptions): Promise<OpenSearchNode> {
  const { home, java, settings, prepare, isReady, scheme = 'http' } = options
  // It refuses to run as root.
  const runAs = findUnprivilegedUser()
  if (!canEnter(join(home, 'lib'), runAs)) {
    throw new Error(
      `${home} cannot be read by the account that runs OpenSearch: set AFFIDAVIT_ENGINES to a directory that everybody may read`,
    )
  }
  const port = await freePorts(2)
  await using undo = new AsyncDisposableStack()
  const directory = await mkdtemp(join(tmpdir(), 'affidavit-opensearch-'))
  undo.defer(() => rm(directory, { recursive: true, force: true }))
  await writeConfiguration(directory, home, port, settings)
  await prepare?.(join(directory, 'config'))
  if (runAs !== null) await giveTo(directory, runAs)
  const command = {
    program: join(java.home, 'bin', 'java'),
    args: [...jvmOptions(directory), ...launch(directory, home)],
    directory,
    runAs,
  }
  const node = undo.use(new OpenSearchNode(`${scheme}://127.0.0.1:${port}`, command, isReady))
  await node.untilServing()
  undo.move()
  return node
}

async function giveTo(directory: string, { uid, gid }: NonNullable<RunAs>): Promise<void> {
  const names = await readdir(directory, { recursive: true })
  for (const name of ['', ...names]) await chown(join(directory, name), uid, gid)
}

/** Serving is when every primary shard is there: after a kill that may be long after the first answer. */
async function isServing(url: string): Promise<boolean> {
  const health = `${url}/_cluster/health?wait_for_status=yellow&timeout=1s`
  const answer = await fetch(health, { signal: AbortSignal.timeout(3_000) })
  await answer.arrayBuffer()
  return answer.ok
}

const noUsers = '_meta: { type: internalusers, config_version: 2 }\n'

const securitySettings = {
  'plugins.security.ssl.transport.pemcert_filepath': 'node.pem',
  'plugins.security.ssl.transport.pemkey_filepath': 'node.key',
  'plugins.security.ssl.transport.pemtrustedcas_filepath': 'trusted.pem',
  'plugins.security.ssl.transport.enforce_hostname_verification': false,
  'plugins.security.ssl.http.enabled': true,
  'plugins.security.ssl.http.pemcert_filepath': 'node.pem',
  'plugins.security.ssl.http.pemkey_filepath': 'node.key',
  'plugins.security.ssl.http.pemtrustedcas_filepath': 'trusted.pem',
  'plugins.security.ssl.http.clientauth_mode': 'OPTIONAL',
  'plugins.security.authcz.admin_dn': ['CN=admin,O=test'],
  'plugins.security.nodes_dn': ['CN=node,O=test'],
  'plugins.security.allow_default_init_securityindex': true,
}

async function writeConfiguration(
  directory: string,
  home: string,
  port: number,
  settings: Readonly<Record<string, unknown>>,
): Promise<void> {
  const all: Record<string, unknown> = {
    'cluster.name': 'engine',
    'node.name': 'engine',
    'network.host': '127.0.0.1',
    'http.port': port,
    'transport.port': port + 1,
    'discovery.type': 'single-node',
    'cluster.routing.allocation.disk.threshold_enabled': false,
    // With the serial collector and a small heap, garbage not yet collected would count as used: 429 for no reason.
    'indices.breaker.total.use_real_memory': false,
    'path.data': join(directory, 'data'),
    'path.logs': join(directory, 'logs'),
    'path.repo': join(directory, 'snapshots'),
    ...settings,
  }
  const own = ['config', 'data', 'logs', 'snapshots', 'tmp'].map((name) => join(directory, name))
  for (const each of own) await mkdir(each)
  await copyFile(
    join(home, 'config', 'log4j2.properties'),
    join(directory, 'config', 'log4j2.properties'),
  )
  // JSON is YAML.
  await writeFile(join(directory, 'config', 'opensearch.yml'), JSON.stringify(all))
}

function jvmOptions(directory: string): readonly string[] {
  return [
    '-Xms512m',
    '-Xmx512m',
    '-Xss1m',
    '-XX:+UseSerialGC',
    '-Djava.awt.headless=true',
    `-Djava.io.tmpdir=${join(directory, 'tmp')}`,
    `-Djna.tmpdir=${join(directory, 'tmp')}`,
    '-Djna.nosys=true',
    '-Dio.netty.noUnsafe=true',
    '-Dio.netty.allocator.numDirectArenas=0',
    '-Dlog4j.shutdownHookEnabled=false',
    '-Dlog4j2.disable.jmx=true',
    '--enable-native-access=ALL-UNNAMED',
  ]
}

function launch(directory: string, home: string): readonly string[] {
  return [
    `-Dopensearch.path.home=${home}`,
    `-Dopensearch.path.conf=${join(directory, 'config')}`,
    '-Dopensearch.distribution.type=tar',
    '-Dopensearch.bundled_jdk=false',
    '-cp',
    join(home, 'lib', '*'),
    'org.opensearch.bootstrap.OpenSearch',
  ]
}
