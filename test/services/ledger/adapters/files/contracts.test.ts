import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'

import { FileEntryStore } from '../../../../../services/ledger/adapters/files/file-entry-store.ts'
import { HeadSwaps } from '../../../../../services/ledger/adapters/files/head-swaps.ts'
import { SqliteHeadRegisters } from '../../../../../services/ledger/adapters/files/sqlite-head-register.ts'
import { entryStoreContract } from '../../../../contracts/entry-store.ts'
import { headRegisterContract } from '../../../../contracts/head-register.ts'
import { aDirectory } from '../../../../support/a-ledger.ts'

entryStoreContract('entries in files', async (t, origin) => {
  const directory = join(await aDirectory(t), 'seg')
  const segmentBytes = 4000
  return {
    create: (first) => FileEntryStore.create(directory, origin, first),
    openForWriting: () =>
      FileEntryStore.open({ directory, origin, segmentBytes, isWritable: true }),
    openForReading: () =>
      FileEntryStore.open({ directory, origin, segmentBytes, isWritable: false }),
  }
})

headRegisterContract('heads in sqlite', async (t) => {
  const file = join(await aDirectory(t), 'register.sqlite')
  return (origin) => {
    const registers = new SqliteHeadRegisters(file)
    t.after(() => {
      registers[Symbol.dispose]()
    })
    return registers.of(origin)
  }
})

headRegisterContract('heads in sqlite, swapped by a thread', async (t) => {
  const file = join(await aDirectory(t), 'register.sqlite')
  return (origin) => {
    const registers = new SqliteHeadRegisters(file)
    const swaps = new HeadSwaps(file, registers)
    t.after(async () => {
      await swaps[Symbol.asyncDispose]()
      registers[Symbol.dispose]()
    })
    return swaps.of(origin)
  }
})

test('a swap that was asked for is made before the thread ends, and none after it', async (t) => {
  const file = join(await aDirectory(t), 'register.sqlite')
  using registers = new SqliteHeadRegisters(file)
  const swaps = new HeadSwaps(file, registers)
  const head = { size: 1, root: Buffer.alloc(32), checkpoint: 'note', signedAtMs: 0 }
  const swapped = swaps.of('a').swap(null, head)
  await swaps[Symbol.asyncDispose]()
  assert.deepEqual(await swapped, { ok: true })
  assert.deepEqual(await registers.of('a').read(), head)
  await assert.rejects(swaps.of('a').swap(head, { ...head, size: 2 }), /closed/)
})

test('when the thread cannot do it, a swap is refused and so is every later one', async (t) => {
  const directory = await aDirectory(t)
  using registers = new SqliteHeadRegisters(join(directory, 'register.sqlite'))
  await using swaps = new HeadSwaps(join(directory, 'missing', 'register.sqlite'), registers)
  const head = { size: 1, root: Buffer.alloc(32), checkpoint: 'note', signedAtMs: 0 }
  for (let attempt = 0; attempt < 2; attempt += 1) {
    await assert.rejects(swaps.of('a').swap(null, head), /unable to open database file/)
  }
})
