import assert from 'node:assert/strict'
import { createSecretKey, randomBytes } from 'node:crypto'
import { open, writeFile } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'

import { DataKeys } from '../../../../../services/ledger/adapters/files/data-keys.ts'
import { RandomPool } from '../../../../../services/ledger/log/random-pool.ts'
import { aDirectory } from '../../../../support/a-ledger.ts'

async function aKeyFile(t: TestContext): Promise<() => Promise<DataKeys>> {
  const file = join(await aDirectory(t), 'data-keys')
  await writeFile(file, '')
  const kek = createSecretKey(randomBytes(32))
  return async () => {
    const random = new RandomPool(randomBytes)
    const keys = await DataKeys.open({ file, origin: 'log', kek, random, isWritable: true })
    t.after(() => keys.close())
    return keys
  }
}

async function someKeys(t: TestContext): Promise<DataKeys> {
  return (await aKeyFile(t))()
}

/** From now on the first call of this method of any open file does its work and answers only when it is let go. */
async function slowFirst(t: TestContext, method: 'read' | 'datasync'): Promise<SlowCall> {
  const file = await open(import.meta.filename)
  const methods = Object.getPrototypeOf(file) as FileHandle
  await file.close()
  const reached = Promise.withResolvers<void>()
  const held = Promise.withResolvers<void>()
  const plain = methods[method] as (...given: unknown[]) => Promise<unknown>
  const calls = t.mock.method(methods, method, async function (
    this: FileHandle,
    ...given: unknown[]
  ) {
    const isFirst = calls.mock.callCount() === 0
    const answer = await plain.apply(this, given)
    if (isFirst) {
      reached.resolve()
      await held.promise
    }
    return answer
  } as never)
  return { reached: reached.promise, letGo: held.resolve, count: () => calls.mock.callCount() }
}

interface SlowCall {
  readonly reached: Promise<void>
  letGo(): void
  count(): number
}

test('a key that is asked for while its subject is erased outlasts the erasure', async (t) => {
  const keys = await someKeys(t)
  const before = await keys.forSubject('s')
  for (let other = 0; other < 2_000; other += 1) await keys.forSubject(`other ${other}`)
  const erasing = keys.erase('s')
  const meanwhile = new Set<number>()
  for (let turns = 0; turns < 50; turns += 1) {
    await turn()
    meanwhile.add((await keys.forSubject('s')).slot)
  }
  assert.equal(await erasing, 1)
  assert.equal(await keys.ofSlot(before.slot), null)
  assert.equal(meanwhile.size, 1)
  for (const slot of meanwhile) assert.notEqual(await keys.ofSlot(slot), null)
})

test('a key that was being made when its subject is erased is erased as well', async (t) => {
  const keys = await someKeys(t)
  const [made, erased] = await Promise.all([keys.forSubject('s'), keys.erase('s')])
  assert.equal(erased, 1)
  assert.equal(await keys.ofSlot(made.slot), null)
  assert.notEqual((await keys.forSubject('s')).slot, made.slot)
})

test('a key that was being read when it was erased is not kept', async (t) => {
  const openFile = await aKeyFile(t)
  const { slot } = await (await openFile()).forSubject('s')
  const keys = await openFile()
  const slow = await slowFirst(t, 'read')
  const read = keys.ofSlot(slot)
  await slow.reached
  assert.equal(await keys.erase('s'), 1)
  slow.letGo()
  await read
  assert.equal(await keys.ofSlot(slot), null)
})

test('a key that is made while others are synced is synced by the next call', async (t) => {
  const keys = await someKeys(t)
  const slow = await slowFirst(t, 'datasync')
  await keys.forSubject('one')
  const first = keys.sync()
  await slow.reached
  await keys.forSubject('other')
  slow.letGo()
  await first
  await keys.sync()
  assert.equal(slow.count(), 2)
  await keys.sync()
  assert.equal(slow.count(), 2)
})
