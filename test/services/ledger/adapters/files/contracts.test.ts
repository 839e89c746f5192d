import { join } from 'node:path'

import { FileEntryStore } from '../../../../../services/ledger/adapters/files/file-entry-store.ts'
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
