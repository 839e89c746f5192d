/** Masks the texts of one column. */
export interface TextMask {
  /** No masked form is longer, in bytes, than this or than the value itself. */
  readonly longest: number
  /** Of a mask that replaces parts of a value: the classes of those that the last call replaced. */
  readonly found?: readonly string[]
  /** Of a mask that makes tokens: the id of their key. */
  readonly keyId?: string | undefined
  /**
   * Writes the masked form of the text in [start, end) of `value`, UTF-8, to `out` at `at`, and returns the position behind it; -1
   * stands for SQL's NULL, for which nothing is written.
   */
  write(value: Buffer, start: number, end: number, out: Buffer, at: number): number
}

export const nullMask: TextMask = { longest: 0, write: () => -1 }
