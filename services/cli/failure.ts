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

function sentence(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const cause = error.cause instanceof Error ? ` (${error.cause.message})` : ''
  return `${error.message}${cause}`
}
