import { readFileSync } from 'node:fs'

import { Command, InvalidArgumentError } from 'commander'

import { CommandFailure } from './failure.ts'

interface VerifyOptions {
  readonly key?: string
  readonly json?: boolean
}

export function verifyCommand(): Command {
  return new Command('verify')
    .description('Check a report bundle. Needs nothing but the file; asks nobody.')
    .argument('<bundle>', 'the .zip file of a report')
    .option(
      '--key <fingerprint>',
      'SHA-256 of the key that must have signed it, as its owner told you',
      fingerprint,
    )
    .option('--json', 'print the outcome as JSON')
    .addHelpText(
      'after',
      `
Exit status 0: verified. 1: not verified, with what was changed. 2: there is no such file.
Without --key the bundle is checked against the key it brings: nothing was changed since that key signed it, but whose key
it is you must find out another way. VERIFY.md in the bundle does the same with openssl and sha256sum only.`,
    )
    .action(verify)
}

async function verify(file: string, options: VerifyOptions): Promise<void> {
  let bytes: Buffer
  try {
    bytes = readFileSync(file)
  } catch (cause) {
    throw new CommandFailure(`${file} cannot be read: ${reasonOf(cause)}`, 2, { cause })
  }
  const { verifyBundle } = await import('../reporter/verify.ts')
  const outcome = await verifyBundle(
    bytes,
    options.key === undefined ? {} : { keyFingerprint: options.key },
  )
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
