import assert from 'node:assert/strict'
import { setTimeout as pause } from 'node:timers/promises'

/** Asks until it holds. Rejects after a minute, with what it waited for: in words, or else as the question stands in the test. */
export async function until(
  holds: () => boolean | Promise<boolean>,
  what = String(holds),
): Promise<void> {
  const end = performance.now() + 60_000
  while (!(await holds())) {
    assert.ok(performance.now() < end, `waited too long until ${what}`)
    await pause(5)
  }
}
