import { inspect } from 'node:util'

/** What a command ends with when it cannot do what was asked: a sentence for the person who typed it, and an exit status. */
export class CommandFailure extends Error {
  override readonly name = 'CommandFailure'
  /** 1: it could not be done. 2: the input was wrong and nothing was started. */
  readonly exitCode: 1 | 2

  constructor(message: string, exitCode: 1 | 2 = 1, options?: ErrorOptions) {
    super(message, options)
    this.exitCode = exitCode
  }
}

/** Says on standard error why a command failed, and gives its exit status. */
export function reportFailure(error: unknown): number {
  if (error instanceof CommandFailure) {
    process.stderr.write(`affidavit: ${error.message}\n`)
    return error.exitCode
  }
  process.stderr.write(`affidavit: ${sentence(error)}\n`)
  if (process.env['AFFIDAVIT_DEBUG'] !== undefined && error instanceof Error) {
    process.stderr.write(`${error.stack ?? ''}\n`)
  }
  return 1
}

/** Says on standard error that something failed which nobody expected, and gives the exit status. Never what it was working on. */
export function reportFault(error: unknown): number {
  const isDebug = process.env['AFFIDAVIT_DEBUG'] !== undefined
  process.stderr.write(
    `affidavit: a fault in the program; it ends, and what was recorded is kept. AFFIDAVIT_DEBUG=1 shows all of it.\n` +
      `${isDebug ? inspect(error) : whereOf(error)}\n`,
  )
  return 1
}

/** Its kind and its place in the code: messages and properties of errors may hold statements, documents or secrets. */
function whereOf(error: unknown): string {
  if (!(error instanceof Error)) return typeof error
  const frames = (error.stack ?? '').split('\n').filter((line) => /^ +at /.test(line))
  const code = 'code' in error && typeof error.code === 'string' ? ` ${error.code}` : ''
  return [`${error.name}${code}`, ...frames].join('\n')
}

function sentence(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const cause = error.cause instanceof Error ? ` (${error.cause.message})` : ''
  return `${error.message}${cause}`
}
