import { InvalidArgumentError } from 'commander'

import { instantExpected, instantOf } from '../runtime/instant.ts'

/** A time that was typed, in milliseconds since 1970. */
export function instant(value: string): number {
  const time = instantOf(value)
  if (time === null) throw new InvalidArgumentError(instantExpected)
  return time
}
