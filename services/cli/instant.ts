import { InvalidArgumentError } from 'commander'

/** A time that was typed, in milliseconds since 1970. */
export function instant(value: string): number {
  const time = Date.parse(value)
  if (Number.isNaN(time)) {
    throw new InvalidArgumentError('expected a time such as 2026-11-25T08:00:00Z')
  }
  return time
}
