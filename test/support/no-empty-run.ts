import type { TestEvent } from 'node:test/reporters'

/** Fails a run in which no test body ran. Skipped and todo tests do not count as run. */
export default async function* noEmptyRun(
  events: AsyncIterable<TestEvent>,
): AsyncGenerator<string> {
  let executed = 0
  for await (const event of events) {
    // The summary of one file counts its tests; the overall one (no `file`) counts an empty file as a passing test.
    if (event.type !== 'test:summary' || event.data.file === undefined) continue
    const { tests, skipped, todo, cancelled } = event.data.counts
    executed += tests - skipped - todo - cancelled
  }
  if (executed > 0) return
  process.exitCode = 1
  yield 'no test was executed: this run is not green\n'
}
