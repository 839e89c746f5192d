import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { Client } from 'pg'

import type { SessionPassword } from '../../services/api/schemas/credentials.ts'
import { startEmbeddedPostgres } from '../../services/all-in-one/demo/database/embedded-postgres.ts'
import type { EmbeddedPostgres } from '../../services/all-in-one/demo/database/embedded-postgres.ts'
import { startIssuer } from '../../services/all-in-one/demo/issuer/issuer.ts'
import type { Issuer } from '../../services/all-in-one/demo/issuer/issuer.ts'
import type { Person } from '../../services/all-in-one/demo/issuer/people.ts'
import { signInAsPerson } from '../../services/all-in-one/demo/sign-in.ts'
import { writeSignIn } from '../../services/cli/sign-in.ts'
import { parseConfig } from '../../services/runtime/parse-config.ts'
import type { Config } from '../../services/runtime/config.ts'
import { createLogger } from '../../services/runtime/logger.ts'
import { freePorts } from './free-ports.ts'
import { runCommand, startUp } from './product-process.ts'
import type { RunningProduct } from './product-process.ts'

export interface DeploymentOptions {
  readonly durability?: 'strict' | 'batched'
  readonly onAuditFailure?: 'refuse' | 'allow'
  /** Lines below `edge:`. */
  readonly edge?: readonly string[]
  /** The policy, instead of one that lets people count. */
  readonly policy?: string
  /** Who can sign in; the demo's people where it is missing. */
  readonly people?: readonly Person[]
  /** The section `identity`, where the issuer is another than the demo's. */
  readonly identity?: string
  /** Lines of the target. */
  readonly target?: readonly string[]
  /** Sections that are added to the configuration. */
  readonly sections?: string
}

/**
 * A deployment as an operator has it: configuration, policy and data in a directory, the target and the issuer in processes that live
 * on, and the product in one that can be killed. Disposing stops what runs and removes the directory.
 */
export class Deployment implements AsyncDisposable {
  readonly directory: string
  readonly configFile: string
  readonly config: Config
  readonly postgres: EmbeddedPostgres
  readonly ports: { readonly api: number; readonly edge: number }
  readonly #issuer: Issuer
  readonly #owned: AsyncDisposableStack

  constructor(
    at: { directory: string; configFile: string; config: Config; api: number; edge: number },
    postgres: EmbeddedPostgres,
    issuer: Issuer,
    owned: AsyncDisposableStack,
  ) {
    this.directory = at.directory
    this.configFile = at.configFile
    this.config = at.config
    this.ports = { api: at.api, edge: at.edge }
    this.postgres = postgres
    this.#issuer = issuer
    this.#owned = owned
  }

  /** Where the api answers. */
  get api(): string {
    return `http://127.0.0.1:${this.ports.api}`
  }

  /** Starts the product, whose clock is ahead of ours by so much, and waits until it takes connections. */
  async start(aheadMs = 0): Promise<RunningProduct> {
    return this.#owned.use(await startUp(this.configFile, aheadMs))
  }

  /** An access token of this person for the api. */
  async tokenOf(username: string): Promise<string> {
    const account = this.#issuer.accounts.find((each) => each.username === username)
    const { accessToken } = await signInAsPerson({
      issuer: this.#issuer.url,
      clientId: this.#issuer.clients.cli.clientId,
      username,
      password: account?.password ?? '',
      audience: this.api,
    })
    return accessToken
  }

  /** A session password for olivia, from the api of the product that runs. */
  async sessionPassword(): Promise<SessionPassword> {
    const token = await this.tokenOf('olivia')
    const response = await fetch(new URL('/v1/credentials', this.api), {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ target: 'numbers' }),
    })
    if (!response.ok) throw new Error(`no session password: ${await response.text()}`)
    return (await response.json()) as SessionPassword
  }

  /** Asks the api as this person: a GET, or with a body a POST. */
  async call(username: string, path: string, body?: unknown): Promise<Response> {
    return fetch(new URL(path, this.api), {
      headers: {
        authorization: `Bearer ${await this.tokenOf(username)}`,
        'content-type': 'application/json',
      },
      ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
    })
  }

  /** The file of somebody's sign-in, for `--sign-in` of a command. */
  async signInFile(username: string): Promise<string> {
    const file = join(this.directory, `${username}.json`)
    writeSignIn(file, {
      api: this.api,
      issuer: '',
      client_id: '',
      access_token: await this.tokenOf(username),
      expires_at: Date.now() + 600_000,
    })
    return file
  }

  /** A client at the edge, as olivia where no session password says otherwise. */
  async connected(by?: SessionPassword): Promise<Client> {
    const {
      host,
      port,
      database,
      user,
      password,
      ca_pem: ca,
    } = by ?? (await this.sessionPassword())
    const client = new Client({ host, port, database, user, password, ssl: { ca } })
    // What ends the session is told to whoever asks next.
    client.on('error', () => undefined)
    await client.connect()
    return client
  }

  /** Asks PostgreSQL itself, past the edge. */
  async askTarget<Row>(sql: string): Promise<readonly Row[]> {
    return askPostgres(this.postgres, 'numbers', sql)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#owned.disposeAsync()
  }
}

/** A deployment with its keys and its ledger, not started. */
export async function aDeployment(options: DeploymentOptions = {}): Promise<Deployment> {
  await using undo = new AsyncDisposableStack()
  const directory = await mkdtemp(join(tmpdir(), 'affidavit-deployment-'))
  undo.defer(() => rm(directory, { recursive: true, force: true }))
  const api = await freePorts(4)
  const edge = api + 2
  const postgres = undo.use(
    await startEmbeddedPostgres({
      directory: join(directory, 'postgres'),
      port: api + 3,
      logger: createLogger('error'),
    }),
  )
  await prepareTarget(postgres)
  const issuer = undo.use(
    await startIssuer({
      port: api + 1,
      directory: join(directory, 'issuer'),
      audience: `http://127.0.0.1:${api}`,
      consoleRedirectUri: `http://127.0.0.1:${api}/auth/callback`,
      ...(options.people === undefined ? {} : { people: options.people }),
    }),
  )
  const configFile = join(directory, 'affidavit.yaml')
  const text = configText(options, { issuer, postgres, api, edge })
  await writeFile(configFile, text)
  await writeFile(join(directory, 'policy.yaml'), options.policy ?? policy)
  await writeFile(join(directory, 'target.password'), heldPassword, { mode: 0o600 })
  const parsed = parseConfig(text, configFile)
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems))
  const init = await runCommand(['init', '--config', configFile])
  if (init.status !== 0) throw new Error(`init failed: ${init.stderr}`)
  const at = { directory, configFile, config: parsed.config, api, edge }
  return new Deployment(at, postgres, issuer, undo.move())
}

const heldPassword = 'the-password-of-the-held-role'

async function prepareTarget(postgres: EmbeddedPostgres): Promise<void> {
  await askPostgres(
    postgres,
    'postgres',
    `CREATE ROLE affidavit_edge LOGIN PASSWORD '${heldPassword}'`,
  )
  await askPostgres(postgres, 'postgres', 'CREATE DATABASE numbers OWNER affidavit_edge')
  // The target is never killed, so its rows are there; the disk is for what is tested.
  await askPostgres(postgres, 'postgres', 'ALTER DATABASE numbers SET synchronous_commit = off')
  await askPostgres(
    postgres,
    'numbers',
    'CREATE TABLE public.numbers (n bigint PRIMARY KEY); ALTER TABLE public.numbers OWNER TO affidavit_edge',
  )
}

async function askPostgres<Row>(
  postgres: EmbeddedPostgres,
  database: string,
  sql: string,
): Promise<readonly Row[]> {
  const client = new Client({
    host: postgres.host,
    port: postgres.port,
    user: postgres.superuser,
    password: postgres.superuserPassword,
    database,
    ssl: { ca: postgres.ca },
  })
  await client.connect()
  try {
    return (await client.query(sql)).rows as Row[]
  } finally {
    const ended = once(client, 'end')
    await client.end()
    await ended
  }
}

function configText(
  options: DeploymentOptions,
  parts: { issuer: Issuer; postgres: EmbeddedPostgres; api: number; edge: number },
): string {
  const { issuer, postgres, api, edge } = parts
  return `version: 1
tenant: faults
data: ./data
api:
  port: ${api}
${options.identity ?? identityText(issuer)}edge:
  id: edge-1
${(options.edge ?? []).map((line) => `  ${line}\n`).join('')}ledger:
  operator: ledger.faults.example
  environment: test
policy: ./policy.yaml
targets:
  - name: numbers
    kind: postgres
    address: 127.0.0.1:${postgres.port}
    port: ${edge}
    database: numbers
    user: affidavit_edge
    password_file: ./target.password
    tls:
      mode: verify-full
      ca_file: ${JSON.stringify(postgres.caFile)}
    durability: ${options.durability ?? 'strict'}
    on_audit_failure: ${options.onAuditFailure ?? 'refuse'}
${(options.target ?? []).map((line) => `    ${line}\n`).join('')}${options.sections ?? ''}`
}

function identityText({ url, clients }: Issuer): string {
  return `identity:
  issuer: ${url}
  agents: []
  roles: { analyst: [security], auditor: [auditors], approver: [approvers] }
  console:
    client_id: ${clients.console.clientId}
    client_secret_file: ${JSON.stringify(clients.console.secretFile)}
  cli:
    client_id: ${clients.cli.clientId}
`
}

const policy = `version: 1
rules:
  - id: people-count
    targets: ['*']
    actors:
      kinds: [human]
    statements: [read, insert, transaction, session]
    relations:
      read: ['*']
      write: [public.numbers]
    functions: [pg_sleep]
    outcome: allow
`
