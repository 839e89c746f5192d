import { readFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'

import { verifyBundle } from '../../reporter/verify.ts'
import { createLogger } from '../../runtime/logger.ts'
import { builtConsole } from './built-console.ts'
import { startDemo } from './demo.ts'
import type { Demo } from './demo.ts'
import type { DemoSignIn } from './demo-sign-in.ts'
import { requireExpected, stepLine } from './step-lines.ts'

export interface RunDemoOptions {
  readonly directory: string
  readonly portBase: number
  readonly once: boolean
  readonly logLevel: string
  /** Keeps a sign-in of a person for later commands. */
  readonly keepSignIn: (file: string, signIn: DemoSignIn) => void
}

/** `affidavit demo`: starts everything, lets the agent work, makes the first report, and says where to look. */
export async function runDemo(options: RunDemoOptions): Promise<void> {
  const started = performance.now()
  const tell = (line: string): void => {
    process.stdout.write(
      `${((performance.now() - started) / 1000).toFixed(1).padStart(6)} s  ${line}\n`,
    )
  }
  await builtConsole(tell)
  await using demo = await startDemo({
    directory: options.directory,
    portBase: options.portBase,
    logger: createLogger(options.logLevel),
    tell,
  })
  demo.lifecycle.stopOnSignals()
  tell('an agent signs in on behalf of Olivia and works in the shop, through the edge')
  const steps = await demo.runAgent()
  for (const step of steps) process.stdout.write(`          ${stepLine(step)}\n`)
  requireExpected(steps)
  await settled(demo)
  tell('running the first AU-2 report')
  const bundle = await firstReport(demo, tell)
  await printAddresses(demo, options, bundle)
  if (options.once) return
  process.stdout.write('\nCtrl-C stops everything; the next start goes on where this one was.\n')
  await demo.product.stopped
}

/** Waits until what the agent did is sealed and found by search. */
async function settled(demo: Demo): Promise<void> {
  for (let waited = 0; waited < 20_000; waited += 100) {
    const { hits } = await demo.product.query.search({ decision: 'block', text: 'drop table' })
    if (hits.some((hit) => hit.outcome === 'refused')) return
    await pause(100)
  }
  throw new Error('what the agent did was not found by search within 20 seconds')
}

async function firstReport(demo: Demo, tell: (line: string) => void): Promise<string> {
  const { reports } = demo.product
  const begun = await reports.start({ control: 'au-2', trigger: 'ad_hoc' })
  const run = await reports.finished(begun.id)
  const bundle = await reports.bundle(run.id)
  if (run.state === 'failed' || bundle === null) {
    throw new Error(`the report failed: ${run.reason ?? 'no reason given'}`)
  }
  const fingerprint = run.keyFingerprint
  const outcome = await verifyBundle(
    readFileSync(bundle),
    fingerprint === null ? {} : { keyFingerprint: fingerprint },
  )
  if (!outcome.ok) {
    throw new Error(`the report does not verify: ${outcome.problems[0]?.sentence ?? ''}`)
  }
  tell(
    `the report covers ${run.population ?? 0} events, notes ${run.exceptions ?? 0} exceptions, and verifies`,
  )
  return bundle
}

async function printAddresses(
  demo: Demo,
  { directory, keepSignIn }: RunDemoOptions,
  bundle: string,
): Promise<void> {
  const session = await demo.connect('olivia')
  const sam = await demo.tokenOf('sam')
  const signInFile = join(resolve(directory), 'sam.sign-in.json')
  keepSignIn(signInFile, {
    api: demo.product.address,
    issuer: demo.issuer.url,
    client_id: demo.issuer.clients.cli.clientId,
    access_token: sam.accessToken,
    expires_at: Date.now() + sam.expiresInSeconds * 1000,
  })
  const people = demo.issuer.accounts
    .map(
      ({ username, password, groups }) =>
        `  ${username.padEnd(8)} ${password}  (${groups.join(', ')})`,
    )
    .join('\n')
  process.stdout.write(`
Console            ${demo.product.address}
Identity provider  ${demo.issuer.url}
Edge for "shop"    127.0.0.1:${demo.ports.edge} (its target: 127.0.0.1:${demo.ports.postgres})
Sign in as
${people}

A session of your own, as Olivia, until ${session.expiresAt}:
  PGPASSWORD='${session.password}' psql 'host=${session.host} port=${session.port} dbname=${session.database} user=${session.user} sslmode=verify-full sslrootcert=${demo.product.edgeCertificateFile}'
Find what was done (signed in as Sam):
  npm run affidavit -- search 'drop table' --sign-in ${fromHere(signInFile)}
Check the report, here or anywhere:
  npm run affidavit -- verify ${fromHere(bundle)}
Export the log for other verifiers:
  npm run affidavit -- export --c2sp ${fromHere(join(resolve(directory), 'export'))} --config ${fromHere(demo.configFile)}
`)
}

/** A path as somebody would type it here. */
function fromHere(file: string): string {
  const path = relative(process.cwd(), file)
  return path === '' || path.startsWith('..') ? file : path
}
