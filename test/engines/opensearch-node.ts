import { chown, copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { canEnter, findUnprivilegedUser } from '../../services/all-in-one/demo/unprivileged-user.ts'
import type { RunAs } from '../../services/all-in-one/demo/unprivileged-user.ts'
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

const startMs = 180_000

/** One OpenSearch as a process of our own. Disposing kills it and removes its data. */
export class OpenSearchNode implements OpenSearchEngine {
  readonly url: string
  readonly #command: EngineCommand
  #process: EngineProcess

  constructor(url: string, command: EngineCommand) {
    this.url = url
    this.#command = command
    this.#process = new EngineProcess(command)
  }

  /** Serving is when every primary shard is there: after a kill that may be long after the first answer. */
  async untilServing(): Promise<void> {
    const health = `${this.url}/_cluster/health?wait_for_status=yellow&timeout=1s`
    const isReady = async (): Promise<boolean> => {
      const answer = await fetch(health, { signal: AbortSignal.timeout(3_000) })
      await answer.arrayBuffer()
      return answer.ok
    }
    await untilReady('OpenSearch', this.#process, isReady, startMs)
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
  await writeConfiguration(directory, home, port, options.settings, runAs)
  const node = undo.use(
    new OpenSearchNode(`http://127.0.0.1:${port}`, {
      program: join(options.java.home, 'bin', 'java'),
      args: [...jvmOptions(directory), ...launch(directory, home)],
      directory,
      runAs,
    }),
  )
  await node.untilServing()
  undo.move()
  return node
}

async function writeConfiguration(
  directory: string,
  home: string,
  port: number,
  settings: Readonly<Record<string, string>>,
  runAs: RunAs,
): Promise<void> {
  const all: Record<string, string | number | boolean> = {
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
  if (runAs === null) return
  for (const each of [directory, ...own]) await chown(each, runAs.uid, runAs.gid)
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
