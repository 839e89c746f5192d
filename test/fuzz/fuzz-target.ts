/**
 * What is fuzzed, and what counts as right. A target is made once per thread by the `createTarget` of its module in `targets/`;
 * apart from keys that do not matter it is the same each time, so that an input that was kept does what it did.
 */
export interface FuzzTarget {
  /** Inputs are cut to this. */
  readonly maxBytes: number
  /** What one input may take, in milliseconds, on a machine that does other things too. */
  readonly maxMs: number
  /** Inputs that do something, well-formed ones most of all. */
  readonly seeds: readonly Buffer[]
  /** Words of the input's language, latin1, which a mutation puts in whole. */
  readonly words: readonly string[]
  /** Parts of paths: what is covered in other files guides nothing. */
  readonly covers: readonly string[]
  /**
   * Returns when all is well, which a refusal by a named error is, and says in a few words what came of it: an input is kept when
   * nothing has come to that before. Whatever it throws is a finding. The input is its own.
   */
  run(input: Buffer): string | Promise<string>
}

export interface TargetModule {
  createTarget(): Promise<FuzzTarget>
}

/** Something that must not happen did: thrown by the oracle of a target. */
export class OracleError extends Error {
  override readonly name = 'OracleError'
}

export function expect(isSo: boolean, otherwise: string): asserts isSo {
  if (!isSo) throw new OracleError(otherwise)
}

export type Read<T> = { readonly value: T } | { readonly refusal: string }

/** Runs `read`, which may throw an error of this class and no other. */
export function valueOrRefusal<T>(
  read: () => T,
  refusal: abstract new (...args: never[]) => Error,
): Read<T> {
  try {
    return { value: read() }
  } catch (error) {
    if (error instanceof refusal) return { refusal: error.message }
    throw error
  }
}
