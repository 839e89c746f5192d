import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'

import { initLedger, openLedger } from '../../../services/ledger/adapters/files/open.ts'
import { writeFailed } from '../../../services/ledger/error.ts'
import { createKeyFile } from '../../../services/runtime/key-file.ts'
import { aDirectory, ledgerOptions } from '../../support/a-ledger.ts'
import { commitEvents, openWriter } from '../../support/a-log-writer.ts'

test('a second opener is refused in the same process and in another one', async (t) => {
  const directory = await aDirectory(t)
  const options = await ledgerOptions(directory)
  await initLedger(options)
  const program = new URL('../../support/open-ledger-once.ts', import.meta.url).pathname
  const openElsewhere = async (): Promise<string> =>
    (await promisify(execFile)(process.execPath, [program, directory])).stdout
  {
    await using _ledger = await openLedger(options)
    await assert.rejects(openLedger(options), { code: 'LEDGER_LOCKED' })
    assert.equal(await openElsewhere(), 'LEDGER_LOCKED')
  }
  assert.equal(await openElsewhere(), 'opened')
})

test('a writer that was replaced without knowing is fenced by the register and publishes nothing', async (t) => {
  const options = await ledgerOptions(await aDirectory(t))
  await initLedger(options)
  {
    await using log = await openWriter(options)
    await commitEvents(log, 2)
    await log.checkpoint(Date.now())
  }
  // Two copies of the storage under one register: what a lock on each cannot see.
  const copy = { ...options, directory: `${options.directory}-copy` }
  await cp(options.directory, copy.directory, { recursive: true })
  const registerFile = `${options.directory}/register.sqlite`
  await using zombie = await openWriter({ ...options, registerFile })
  await using writer = await openWriter({ ...copy, registerFile })
  await commitEvents(writer, 1)
  assert.equal((await writer.checkpoint(Date.now()))?.size, 4)

  await commitEvents(zombie, 1)
  const published = await zombie.storage.checkpoints.published()
  await assert.rejects(zombie.checkpoint(Date.now()), { code: 'LEDGER_FENCED' })
  assert.equal(await zombie.storage.checkpoints.published(), published)
  await assert.rejects(commitEvents(zombie, 1), { code: 'LEDGER_FENCED' })
})

test('a ledger that is missing, there already, or made for other settings is refused', async (t) => {
  const options = await ledgerOptions(await aDirectory(t))
  await assert.rejects(openLedger(options), { code: 'LEDGER_MISSING' })
  await initLedger(options)
  await assert.rejects(initLedger(options), { code: 'LEDGER_EXISTS' })
  for (const other of [
    { operator: 'other.example' },
    { environment: 'prod' },
    { partitions: 2 },
    { key: (await ledgerOptions(await aDirectory(t))).key },
  ]) {
    await assert.rejects(openLedger({ ...options, ...other }), { code: 'LEDGER_DIFFERENT' })
  }
  await using ledger = await openLedger(options)
  assert.equal(ledger.durableEntries, 1)
})

test('a write that fails says what the disk said and what to do; another key, that the first is wanted', async (t) => {
  const failed = writeFailed(
    'seg/0.seg: a batch was not written',
    new Error('ENOSPC: no space left'),
  )
  assert.match(
    failed.message,
    /^seg\/0\.seg: a batch was not written \(ENOSPC: no space left\)\. Make room .* start again/,
  )
  const directory = await aDirectory(t)
  const options = await ledgerOptions(directory)
  await initLedger(options)
  const key = await createKeyFile(join(directory, 'another.key'))
  await assert.rejects(openLedger({ ...options, key }), /put the ledger's key file back/)
})
