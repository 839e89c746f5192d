import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'

import { KeptSnapshot } from '../../../../../services/edge/postgres/snapshot/kept-snapshot.ts'
import type { KeptSnapshotOptions } from '../../../../../services/edge/postgres/snapshot/kept-snapshot.ts'
import { until } from '../../../../support/until.ts'

/** A target whose catalog is its mark. */
class Catalog {
  mark = 'a'
  /** What fails. */
  broken: 'nothing' | 'looks' | 'all' = 'nothing'
  reads = 0
  looks = 0
  readonly failures: unknown[] = []

  kept(t: TestContext, options: Partial<KeptSnapshotOptions<object>>): KeptSnapshot<object> {
    const kept = new KeptSnapshot<object>({
      read: () => {
        this.reads += 1
        if (this.broken === 'all') return Promise.reject(new Error('no answer'))
        return Promise.resolve({ value: { mark: this.mark }, mark: this.mark })
      },
      look: () => {
        this.looks += 1
        return this.broken === 'nothing'
          ? Promise.resolve(this.mark)
          : Promise.reject(new Error('no answer'))
      },
      onFailure: (error) => this.failures.push(error),
      lookMs: 5,
      ...options,
    })
    const stop = new AbortController()
    const running = kept.run(stop.signal)
    t.after(async () => {
      stop.abort()
      await running
    })
    return kept
  }
}

test('what is looked at counts for as long as nothing changes, and is read once', async (t) => {
  const catalog = new Catalog()
  const kept = catalog.kept(t, { staleMs: 1_000 })
  await until(() => catalog.looks > 250)
  assert.equal(catalog.reads, 1)
  assert.deepEqual(kept.current, { mark: 'a' })
  assert.equal(kept.state, 'sound')
})

test('what a look finds changed is read at once', async (t) => {
  const catalog = new Catalog()
  const kept = catalog.kept(t, {})
  await until(() => kept.current !== null)
  catalog.mark = 'b'
  await until(() => catalog.reads === 2)
  assert.deepEqual(kept.current, { mark: 'b' })
  const { looks } = catalog
  await until(() => catalog.looks > looks + 3)
  assert.equal(catalog.reads, 2)
})

test('where looking fails it is read; where that fails too it counts for a while, then no more, and is told once', async (t) => {
  const catalog = new Catalog()
  const kept = catalog.kept(t, { refreshMs: 100, staleMs: 1_000 })
  await until(() => kept.current !== null)
  catalog.broken = 'looks'
  const { reads } = catalog
  await until(() => catalog.reads > reads + 3)
  assert.equal(kept.state, 'sound')
  assert.equal(catalog.failures.length, 0)

  catalog.broken = 'all'
  await until(() => kept.state === 'failing')
  assert.notEqual(kept.current, null)
  await until(() => kept.state === 'missing')
  assert.equal(kept.current, null)
  assert.equal(catalog.failures.length, 1)

  catalog.broken = 'nothing'
  await until(() => kept.state === 'sound')
  assert.deepEqual(kept.current, { mark: 'a' })
})

test('it is read again every while, also where nothing has changed', async (t) => {
  const catalog = new Catalog()
  catalog.kept(t, { refreshMs: 20 })
  await until(() => catalog.reads > 3)
})

test('a reading that was begun before another one counts for nothing after it', async () => {
  const answers: PromiseWithResolvers<{ value: object }>[] = []
  const kept = new KeptSnapshot<object>({
    read: () => {
      const answer = Promise.withResolvers<{ value: object }>()
      answers.push(answer)
      return answer.promise
    },
    onFailure: () => undefined,
  })
  const { signal } = new AbortController()
  const first = kept.refresh(signal)
  await pause(2)
  const second = kept.refresh(signal)
  answers[1]?.resolve({ value: { of: 'second' } })
  await second
  answers[0]?.resolve({ value: { of: 'first' } })
  await first
  assert.deepEqual(kept.current, { of: 'second' })
})
