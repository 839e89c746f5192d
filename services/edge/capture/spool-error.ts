export type SpoolErrorCode =
  'SPOOL_CORRUPT' | 'SPOOL_FULL' | 'SPOOL_FAILED' | 'SPOOL_STATE_INVALID' | 'SPOOL_CLOSED'

export class SpoolError extends Error {
  override readonly name = 'SpoolError'
  readonly code: SpoolErrorCode

  constructor(code: SpoolErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** Whether the disk, or our share of it, has no room: that passes, unlike other errors of a disk. */
export function isOutOfRoom(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException
  return code === 'ENOSPC' || code === 'EDQUOT'
}
