/** What the api answered instead (RFC 9457), or that it did not answer. */
export class ProblemError extends Error {
  override readonly name = 'ProblemError'
  /** 0 when there was no answer. */
  readonly status: number
  readonly title: string

  constructor(status: number, title: string, detail: string, options?: ErrorOptions) {
    super(detail, options)
    this.status = status
    this.title = title
  }
}

export function isNotSignedIn(error: unknown): boolean {
  return error instanceof ProblemError && error.status === 401
}
