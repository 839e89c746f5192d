import { after, test } from 'node:test'

import type { Skippable } from '../support/engine.ts'

/**
 * One engine for all tests of a file. Where there is none, `name` is skipped with the reason and the result is null. Awaited before
 * the tests are named, so it is there when they run.
 */
export async function engineOfFile<T extends AsyncDisposable>(
  name: string,
  start: (skippable: Skippable) => Promise<T | null>,
): Promise<T | null> {
  let reason = 'it is not here'
  const engine = await start({
    skip(message) {
      reason = message ?? reason
    },
  })
  if (engine === null) {
    test(name, { skip: reason }, () => undefined)
    return null
  }
  after(() => engine[Symbol.asyncDispose]())
  return engine
}
