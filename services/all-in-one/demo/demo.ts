import { mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { readFileSync } from 'node:fs'

import { parseConfig } from '../../runtime/parse-config.ts'
import type { Config } from '../../runtime/config.ts'
import { Lifecycle } from '../../runtime/lifecycle.ts'
import type { Logger } from '../../runtime/logger.ts'
import { formatProblem } from '../../../schemas/validated-document.ts'
import { isInitialized } from '../data-directory.ts'
import { initializeData } from '../initialize-data.ts'
import { startProduct } from '../product.ts'
import type { Product } from '../product.ts'
import { runAgent } from './agent.ts'
import type { AgentStep } from './agent.ts'
import { issueSession, tokenOfAgent, tokenOfPerson } from './demo-access.ts'
import type { DemoSession } from './demo-access.ts'
import { demoPorts, writeDemoFiles } from './demo-files.ts'
import type { DemoPorts } from './demo-files.ts'
import { startEmbeddedPostgres } from './database/embedded-postgres.ts'
import { startIssuer } from './issuer/issuer.ts'
import type { Issuer } from './issuer/issuer.ts'
import type { Person } from './issuer/people.ts'
import { createSampleData } from './sample/sample-data.ts'
import { ensureSecret } from './secret-file.ts'

export interface DemoOptions {
  readonly directory: string
  readonly portBase: number
  readonly logger: Logger
  /** Is told what happens, a line each. */
  readonly tell: (line: string) => void
  /** Who can sign in, olivia among them; the demo's people where it is missing. */
  readonly people?: readonly Person[]
}

/** The whole product on embedded engines, with a target, an issuer and people. */
export interface Demo extends AsyncDisposable {
  readonly config: Config
  readonly configFile: string
  readonly ports: DemoPorts
  readonly product: Product
  readonly issuer: Issuer
  readonly lifecycle: Lifecycle
  /** A session password for the agent (on behalf of olivia) or for olivia herself. */
  connect(as: 'agent' | 'olivia'): Promise<DemoSession>
  /** Lets the scripted agent do its work through the edge. */
  runAgent(): Promise<readonly AgentStep[]>
  /** An access token of this person for the api. */
  tokenOf(
    username: string,
  ): Promise<{ readonly accessToken: string; readonly expiresInSeconds: number }>
}

export async function startDemo(options: DemoOptions): Promise<Demo> {
  const { logger, tell } = options
  const directory = resolve(options.directory)
  const ports = demoPorts(options.portBase)
  await using undo = new AsyncDisposableStack()
  const lifecycle = undo.use(new Lifecycle(logger))
  mkdirSync(directory, { recursive: true, mode: 0o700 })

  tell('starting PostgreSQL with the sample shop')
  const postgres = lifecycle.add(
    await startEmbeddedPostgres({
      directory: join(directory, 'postgres'),
      port: ports.postgres,
      logger,
    }),
  )
  const heldPasswordFile = join(directory, 'secrets', 'shop.password')
  const heldPassword = await ensureSecret(heldPasswordFile)
  await createSampleData({ ...postgres, heldPassword })

  tell('starting the identity provider')
  const publicUrl = `http://127.0.0.1:${ports.api}`
  const issuer = lifecycle.add(
    await startIssuer({
      port: ports.issuer,
      directory: join(directory, 'issuer'),
      audience: publicUrl,
      consoleRedirectUri: `${publicUrl}/auth/callback`,
      ...(options.people === undefined ? {} : { people: options.people }),
    }),
  )

  const { configFile } = writeDemoFiles({ directory, ports, issuer, postgres, heldPasswordFile })
  const config = readDemoConfig(configFile)
  if (!isInitialized(config)) await initializeData(config, logger)
  tell('starting edge, ledger, index, reports, api and console')
  const product = lifecycle.add(await startProduct(config, logger))
  // Stopping begins together: who waits for the product's end is woken by the demo's signals.
  const { signal } = lifecycle
  const stopProduct = (): void => product.lifecycle.stop()
  if (signal.aborted) stopProduct()
  else signal.addEventListener('abort', stopProduct, { once: true })

  const tokenOf = (username: string) => tokenOfPerson(issuer, publicUrl, username)
  const connect = async (as: 'agent' | 'olivia'): Promise<DemoSession> => {
    const token = as === 'agent' ? await tokenOfAgent(issuer, publicUrl) : await tokenOf('olivia')
    return issueSession(publicUrl, token.accessToken)
  }
  const owned = undo.move()
  return {
    config,
    configFile,
    ports,
    product,
    issuer,
    lifecycle,
    connect,
    tokenOf,
    runAgent: async () => {
      const session = await connect('agent')
      return runAgent({ ...session, signal: lifecycle.signal })
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

function readDemoConfig(file: string): Config {
  const result = parseConfig(readFileSync(file, 'utf8'), file)
  if (result.ok) return result.config
  throw new Error(result.problems.map(formatProblem).join('\n'))
}
