export type SpoolErrorCode =
  | 'SPOOL_CORRUPT'
  | 'SPOOL_FOREIGN'
  | 'SPOOL_FULL'
  | 'SPOOL_FAILED'
  | 'SPOOL_STATE_INVALID'
  | 'SPOOL_CLOSED'

export class SpoolError extends Error {
  override readonly name = 'SpoolError'
  readonly code: SpoolErrorCode

  constructor(code: SpoolErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** The same with the directory that it is about and what can be done; other errors as they are. */
export function inDirectory(error: unknown, directory: string): unknown {
  if (!(error instanceof SpoolError)) return error
  return new SpoolError(
    error.code,
    `the spool in ${directory} cannot be used: ${error.message}. Keep that directory, it may hold what was not published; to go on without it, give the producer another id`,
    { cause: error.cause },
  )
}

/** Whether the disk, or our share of it, has no room: that passes, unlike other errors of a disk. */
export function isOutOfRoom(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException
  return code === 'ENOSPC' || code === 'EDQUOT'
}
