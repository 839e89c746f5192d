import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import type { TestContext } from 'node:test'

/** A test or a hook. */
export type Skippable = Pick<TestContext, 'skip'>

/**
 * Programs that tests use but the product does not bring. A test whose program is missing is skipped by name; under
 * REQUIRE_ENGINES=1, as in CI, it fails instead.
 */
export function requireProgram(t: Skippable, ...names: readonly string[]): string | null {
  for (const name of names) {
    const path = findProgram(name)
    if (path !== null) return path
  }
  return missing(t, names.join(' or '))
}

/** Says that `what` is not here. Returns null so that a test can return at once. */
export function missing(t: Skippable, what: string): null {
  if (process.env['REQUIRE_ENGINES'] === '1')
    throw new Error(`${what} is required here and missing`)
  t.skip(`${what} is not installed`)
  return null
}

export function findProgram(name: string): string | null {
  for (const directory of (process.env['PATH'] ?? '').split(delimiter)) {
    const path = join(directory, name)
    try {
      accessSync(path, constants.X_OK)
      return path
    } catch {
      // Not in this directory.
    }
  }
  return null
}
