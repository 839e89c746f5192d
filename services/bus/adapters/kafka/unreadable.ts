/** A batch that cannot be read. It stays so however often it is fetched: nobody should try again. */
export class UnreadableBatch extends Error {
  override readonly name = 'UnreadableBatch'
  /** What is wrong with it, as the end of a sentence that names it: "compressed with zstd". */
  readonly how: string
  /** Tells the client's retry loop to stop. */
  readonly retriable = false

  constructor(how: string, options: ErrorOptions) {
    super(`a batch ${how} cannot be read`, options)
    this.how = how
  }
}
