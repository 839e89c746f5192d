import assert from 'node:assert/strict'
import { createSecretKey, randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'

import { DataKeys } from '../../../../../services/ledger/adapters/files/data-keys.ts'
import { RandomPool } from '../../../../../services/ledger/random-pool.ts'
import { aDirectory } from '../../../../support/a-ledger.ts'

async function someKeys(t: TestContext): Promise<DataKeys> {
  const file = join(await aDirectory(t), 'data-keys')
  await writeFile(file, '')
  const keys = await DataKeys.open({
    file,
    origin: 'log',
    kek: createSecretKey(randomBytes(32)),
    random: new RandomPool(randomBytes),
    isWritable: true,
  })
  t.after(() => keys.close())
  return keys
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
