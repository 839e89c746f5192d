import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { Bus, ConsumerOptions } from '../../../services/bus/bus.ts'
import { readOn } from '../../../services/bus/read-on.ts'
import type { Missed } from '../../../services/bus/read-on.ts'

interface Marks {
  readonly low: bigint
  readonly high: bigint
}

/** Where a reader begins, and what it is told, when its partition is assigned with each of these marks before it has handled anything. */
async function assigned(
  committed: bigint | null,
  ...turns: readonly Marks[]
): Promise<{ readonly starts: readonly unknown[]; readonly missed: readonly unknown[] }> {
  const starts: unknown[] = []
  const missed: Missed[] = []
  const stop = new AbortController()
  let marks: Marks = { low: 0n, high: 0n }
  const bus = {
    committed: async () => committed,
    watermarks: async () => marks,
    consumer: (options: ConsumerOptions) => ({
      run: async () => {
        for (marks of turns) starts.push(await options.startAt?.('t', 0))
        stop.abort()
      },
      [Symbol.asyncDispose]: async () => undefined,
    }),
  } as unknown as Bus
  const handle = async (): Promise<never> => Promise.reject(new Error('nothing was read'))
  const onMissed = (each: Missed): unknown => missed.push(each)
  await readOn({ bus, group: 'g', topic: 't', handle, onMissed, signal: stop.signal })
  return { starts, missed: missed.map(({ stoppedAt, from, reason }) => [stoppedAt, from, reason]) }
}

test('after a cut-off what comes up to the old offset is read, though nothing was committed since', async () => {
  const { starts, missed } = await assigned(10n, { low: 0n, high: 3n }, { low: 0n, high: 20n })
  assert.deepEqual(starts, [0n, 0n])
  assert.deepEqual(missed, [[10n, 0n, 'cut_off']])
})

test('holes that follow one another are told each, from where the one before ended', async () => {
  const { starts, missed } = await assigned(
    10n,
    { low: 0n, high: 3n },
    { low: 2n, high: 5n },
    { low: 2n, high: 20n },
    { low: 0n, high: 1n },
  )
  assert.deepEqual(starts, [0n, 2n, 2n, 0n])
  assert.deepEqual(missed, [
    [10n, 0n, 'cut_off'],
    [0n, 2n, 'deleted'],
    [2n, 0n, 'cut_off'],
  ])
})
