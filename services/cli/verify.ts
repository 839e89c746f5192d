import { readFileSync } from 'node:fs'

import { Command, InvalidArgumentError } from 'commander'

import type { VerifyBundleOptions } from '../reporter/verify.ts'
import { readConfig } from './config-file.ts'
import { CommandFailure } from './failure.ts'

interface VerifyOptions {
  readonly key?: string
  readonly log?: string
  readonly earlier?: readonly string[]
  readonly config?: string
  readonly json?: boolean
}

export function verifyCommand(): Command {
  return new Command('verify')
    .description(
      'Check a report bundle, which needs nothing but the file and asks nobody; or, without one, the ledger itself.',
    )
    .argument('[bundle]', 'the .zip file of a report')
    .option(
      '--key <fingerprint>',
      'SHA-256 of the key that must have signed it, as its owner told you',
      fingerprint,
    )
    .option(
      '--log <place>',
      'a copy of the logs, to see that nothing was left out: a directory that affidavit export wrote, or an address',
    )
    .option(
      '--earlier <file>',
      'a checkpoint or a report that you kept, which the logs must go on from; may be given several times; for a report with --log',
      (file: string, files: readonly string[] | undefined) => [...(files ?? []), file],
    )
    .option(
      '--config <file>',
      'without a bundle: the configuration of the deployment whose ledger is verified',
    )
    .option('--json', 'print the outcome as JSON')
    .addHelpText(
      'after',
      `
Exit status 0: verified. 1: not verified, with what was changed. 2: there is no such file.
Without a bundle everything that the ledger stores is read, where it runs or ran: every entry, hash, checkpoint and payload.
Without --key the bundle is checked against the key it brings: nothing was changed since that key signed it, but whose key
it is you must find out another way. VERIFY.md in the bundle does the same with openssl and sha256sum only.

By itself a bundle shows that it was not changed, and proves the entries of its sample. That no entry of the period is missing shows the
log: affidavit export writes it, and the api serves it to everybody (--log http://127.0.0.1:21400/logs). Whoever holds all keys can write
both anew; then only what you kept from earlier differs, so give it with --earlier.`,
    )
    .action((bundle: string | undefined, options: VerifyOptions) =>
      bundle === undefined ? verifyLedger(options) : verify(bundle, options),
    )
}

async function verify(file: string, options: VerifyOptions): Promise<void> {
  const bytes = read(file)
  const { key, log, earlier = [] } = options
  if (earlier.length > 0 && log === undefined) {
    throw new CommandFailure('--earlier needs --log: only the log shows what it goes on from', 2)
  }
  const { verifyBundle } = await import('../reporter/verify.ts')
  const outcome = await verifyBundle(bytes, {
    ...(key === undefined ? {} : { keyFingerprint: key }),
    ...(log === undefined ? {} : await comparison(log, earlier)),
  })
  if (options.json === true) process.stdout.write(`${JSON.stringify(outcome, null, 2)}\n`)
  if (!outcome.ok) {
    if (options.json !== true) {
      process.stdout.write(`NOT VERIFIED ${file}\n`)
      for (const problem of outcome.problems) process.stdout.write(`  ${problem.sentence}\n`)
    }
    process.exitCode = 1
    return
  }
  if (options.json === true) return
  process.stdout.write(`verified ${file}\n`)
  for (const [name, value] of Object.entries(outcome.facts)) {
    process.stdout.write(`  ${name}: ${value}\n`)
  }
}

async function verifyLedger({
  key,
  log,
  earlier = [],
  config: file,
  json,
}: VerifyOptions): Promise<void> {
  if (key !== undefined || log !== undefined) {
    throw new CommandFailure('--key and --log are for a bundle; name one', 2)
  }
  if (file === undefined) {
    throw new CommandFailure(
      'name the .zip file of a report; or, to verify a ledger where it is, the configuration of its deployment with --config',
      2,
    )
  }
  const config = readConfig(file)
  const { checkLedger } = await import('../all-in-one/check-ledger.ts')
  const remembered = await kept(earlier)
  const { logs, problems } = await checkLedger(config, { remembered, progress: progressOn() })
  if (problems.length > 0) process.exitCode = 1
  if (json === true) {
    process.stdout.write(
      `${JSON.stringify({ ok: problems.length === 0, logs, problems }, null, 2)}\n`,
    )
    return
  }
  const where = `the ledger in ${config.dataDirectory}`
  process.stdout.write(problems.length > 0 ? `NOT VERIFIED ${where}\n` : `verified ${where}\n`)
  for (const { origin, size, checkpoints, payloads, erased } of logs) {
    process.stdout.write(
      `  ${origin}: ${size} entries, ${checkpoints} signed checkpoints, ${payloads} payloads, ${erased} erased\n`,
    )
  }
  for (const { origin, file: where, position, what } of problems) {
    const entry = position === null ? '' : `, entry ${position}`
    process.stdout.write(`  ${origin}, ${where}${entry}: ${what}\n`)
  }
}

/** For somebody who watches. */
function progressOn(): (origin: string, entries: number) => void {
  if (!process.stderr.isTTY) return () => undefined
  return (origin, entries) => process.stderr.write(`${origin}: ${entries} entries\n`)
}

async function comparison(
  log: string,
  earlier: readonly string[],
): Promise<Pick<VerifyBundleOptions, 'logs' | 'earlier'>> {
  const { logCopy } = await import('../all-in-one/log-copy.ts')
  return { logs: logCopy(log), earlier: await kept(earlier) }
}

async function kept(files: readonly string[]): Promise<readonly string[]> {
  if (files.length === 0) return []
  const { keptCheckpoints } = await import('../reporter/kept-checkpoints.ts')
  return files.flatMap((file) => {
    const bytes = read(file)
    try {
      return keptCheckpoints(bytes)
    } catch (cause) {
      throw new CommandFailure(`${file} is neither a checkpoint nor a report`, 2, { cause })
    }
  })
}

function read(file: string): Buffer {
  try {
    return readFileSync(file)
  } catch (cause) {
    throw new CommandFailure(`${file} cannot be read: ${reasonOf(cause)}`, 2, { cause })
  }
}

/** As `openssl` and the cover of a report write it as well: in capitals, with blanks or colons between. */
function fingerprint(value: string): string {
  const digits = value.replaceAll(/[\s:]/g, '').toLowerCase()
  if (!/^[0-9a-f]{64}$/.test(digits)) {
    throw new InvalidArgumentError(
      'a fingerprint is a SHA-256: 64 hexadecimal digits. Nothing was checked.',
    )
  }
  return digits
}

function reasonOf(cause: unknown): string {
  const code = cause instanceof Error && 'code' in cause ? cause.code : null
  if (code === 'ENOENT') return 'there is no such file'
  if (code === 'EISDIR') return 'it is a directory'
  return cause instanceof Error ? cause.message : String(cause)
}
