import type { BundleManifest } from '../../../schemas/bundle.ts'

export interface BundleProblem {
  readonly file: string
  readonly expected: string
  readonly found: string
  /** For people: what was changed. */
  readonly sentence: string
}

/** What the checks of single parts look at, and where they say what is wrong. */
export interface BundleCheck {
  readonly manifest: BundleManifest
  readonly files: ReadonlyMap<string, Buffer>
  readonly problems: BundleProblem[]
}

export function problem(
  file: string,
  expected: string | number,
  found: string | number,
  sentence: string,
): BundleProblem {
  return { file, expected: String(expected), found: String(found), sentence }
}

/** A time of the manifest in the form of rows and leaves, so that texts can be compared. */
export function microseconds(time: string): string {
  return time.replace(/Z$/, '.000000Z')
}
