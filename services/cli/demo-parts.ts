import { readFileSync } from 'node:fs'

import { Command, InvalidArgumentError } from 'commander'

import { createLogger } from '../runtime/logger.ts'
import { writeSignIn } from './sign-in.ts'

/** The parts of the demo, one by one, for a demo whose parts run apart. */
export function secretsCommand(): Command {
  return new Command('secrets')
    .description('Draw the secrets and certificates of the parts; what is there already stays.')
    .argument('<directory>', 'gets the folders issuer, services, edge and shop')
    .option('--edge-name <names...>', 'names by which clients reach the edge', ['127.0.0.1'])
    .option('--shop-name <names...>', 'names by which the edge reaches the database', ['127.0.0.1'])
    .action(async (directory: string, options: { edgeName: string[]; shopName: string[] }) => {
      const { makeDemoSecrets } = await import('../all-in-one/demo/demo-secrets.ts')
      await makeDemoSecrets({
        directory,
        edgeNames: options.edgeName,
        shopNames: options.shopName,
        now: new Date(),
      })
    })
}

export function issuerCommand(): Command {
  return new Command('issuer')
    .description('Run the identity provider of the demo.')
    .requiredOption('--directory <directory>', 'where its keys and passwords are kept')
    .option('--port <number>', 'where it listens', port, 21_401)
    .option('--listen <address>', 'the address it listens on', '127.0.0.1')
    .option('--url <url>', 'how browsers and services reach it; default http://127.0.0.1:PORT')
    .option('--api <url>', 'how browsers reach the console', 'http://127.0.0.1:21400')
    .option('--log-level <level>', 'debug, info, warn or error', 'info')
    .action(runIssuer)
}

interface IssuerOptions {
  readonly directory: string
  readonly port: number
  readonly listen: string
  readonly url?: string
  readonly api: string
  readonly logLevel: string
}

async function runIssuer(options: IssuerOptions): Promise<void> {
  const { startIssuer } = await import('../all-in-one/demo/issuer/issuer.ts')
  const { Lifecycle } = await import('../runtime/lifecycle.ts')
  await using lifecycle = new Lifecycle(createLogger(options.logLevel))
  lifecycle.stopOnSignals()
  const stopped = new Promise((resolve) => {
    lifecycle.signal.addEventListener('abort', resolve, { once: true })
  })
  const { directory, listen, url } = options
  const issuer = lifecycle.add(
    await startIssuer({
      directory,
      listen,
      port: options.port,
      audience: options.api,
      consoleRedirectUri: `${options.api}/auth/callback`,
      ...(url === undefined ? {} : { url }),
    }),
  )
  process.stdout.write(`issuer    ${issuer.url}\n`)
  for (const { username, groups } of issuer.accounts) {
    process.stdout.write(
      `person    ${username} (${groups.join(', ')}), password in ${directory}/passwords/${username}\n`,
    )
  }
  await stopped
}

export function sampleDataCommand(): Command {
  return new Command('sample-data')
    .description(
      'Fill a PostgreSQL with the sample shop, and make the role by which the edge works there.',
    )
    .requiredOption('--password-file <file>', 'the password of the superuser')
    .requiredOption('--held-password-file <file>', 'the password that the role gets')
    .requiredOption('--ca-file <file>', 'the certificate of the server, or of its authority')
    .option('--host <host>', 'where the server is', '127.0.0.1')
    .option('--port <number>', 'its port', port, 5432)
    .option('--superuser <name>', 'who may create roles and databases', 'postgres')
    .action(fillShop)
}

interface SampleDataOptions {
  readonly passwordFile: string
  readonly heldPasswordFile: string
  readonly caFile: string
  readonly host: string
  readonly port: number
  readonly superuser: string
}

async function fillShop(options: SampleDataOptions): Promise<void> {
  const { createSampleData } = await import('../all-in-one/demo/sample/sample-data.ts')
  const { created } = await createSampleData({
    host: options.host,
    port: options.port,
    superuser: options.superuser,
    superuserPassword: readFileSync(options.passwordFile, 'utf8'),
    ca: readFileSync(options.caFile, 'utf8'),
    heldPassword: readFileSync(options.heldPasswordFile, 'utf8'),
  })
  process.stdout.write(created ? 'the sample shop was made\n' : 'the sample shop is there\n')
}

export function agentCommand(): Command {
  return new Command('agent')
    .description(
      'Let the scripted agent work on behalf of Olivia, through an edge that runs elsewhere.',
    )
    .requiredOption('--issuer <url>', 'the identity provider of the demo')
    .requiredOption('--issuer-directory <directory>', 'where it keeps passwords and client secrets')
    .option('--api <url>', 'where affidavit runs', 'http://127.0.0.1:21400')
    .option('--audience <uri>', 'whom tokens are for; default is the api')
    .option(
      '--edge-host <host>',
      'where the edge is reached from here, when not where the api says',
    )
    .requiredOption('--sign-in <file>', 'keeps a sign-in of Sam there, for commands such as search')
    .action(runAgent)
}

interface AgentOptions {
  readonly issuer: string
  readonly issuerDirectory: string
  readonly api: string
  readonly audience?: string
  readonly edgeHost?: string
  readonly signIn: string
}

async function runAgent(options: AgentOptions): Promise<void> {
  const { runAgentAlone } = await import('../all-in-one/demo/agent-alone.ts')
  await runAgentAlone({
    issuer: options.issuer,
    issuerDirectory: options.issuerDirectory,
    api: options.api,
    audience: options.audience ?? options.api,
    edgeHost: options.edgeHost ?? null,
    tell: (line) => process.stdout.write(`${line}\n`),
    keepSignIn: (signIn) => writeSignIn(options.signIn, signIn),
  })
}

function port(value: string): number {
  const number = Number(value)
  if (!Number.isInteger(number) || number < 1 || number > 65_535) {
    throw new InvalidArgumentError('expected a number from 1 to 65535')
  }
  return number
}
