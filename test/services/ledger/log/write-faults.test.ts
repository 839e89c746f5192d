import assert from 'node:assert/strict'
import { test } from 'node:test'

import { FileLedgerStorage } from '../../../../services/ledger/adapters/files/file-ledger-storage.ts'
import { initLedger, openLedgerReader } from '../../../../services/ledger/adapters/files/open.ts'
import type { FileLedgerOptions } from '../../../../services/ledger/adapters/files/open.ts'
import type { LogWriter } from '../../../../services/ledger/log/log-writer.ts'
import { aDirectory, ledgerOptions } from '../../../support/a-ledger.ts'
import { commitEvents, openWriter, originOfTest } from '../../../support/a-log-writer.ts'
import { FaultyStorage, writeSteps } from '../../../support/faulty-storage.ts'

const nowMs = Date.now()

for (const step of writeSteps) {
  for (const when of ['before', 'after'] as const) {
    test(`a writer stops when ${step} fails ${when} it was done, and the next one goes on exactly once`, async (t) => {
      const options = await ledgerOptions(await aDirectory(t))
      await initLedger(options)
      const storage = new FaultyStorage(await FileLedgerStorage.open(options))
      {
        await using log = await openWriter(options, storage)
        await commitEvents(log, 300)
        await log.checkpoint(nowMs)
        storage.fault = { step, when }
        await assert.rejects(
          async () => {
            await commitEvents(log, 5)
            await log.checkpoint(nowMs)
          },
          { code: 'LEDGER_WRITE_FAILED' },
        )
        // Never again, whatever the disk says now.
        await assert.rejects(commitEvents(log, 1), { code: 'LEDGER_WRITE_FAILED' })
        await assert.rejects(log.checkpoint(nowMs), { code: 'LEDGER_WRITE_FAILED' })
      }

      {
        await using log = await openWriter(options)
        await redeliver(log, 310)
        await log.checkpoint(nowMs)
      }
      await mustHoldOnce(options, 310)
    })
  }
}

/** What a bus does: everything from the offset in the commit frame on, up to `count` events. */
async function redeliver(log: LogWriter, count: number): Promise<void> {
  await commitEvents(log, count - Number(log.batch.nextOffset))
}

async function mustHoldOnce(options: FileLedgerOptions, count: number): Promise<void> {
  await using view = await openLedgerReader(options)
  const verification = await view.verify()
  assert.deepEqual(verification.problems, [])
  const [log] = verification.logs
  assert.deepEqual([log?.size, log?.signedSize, log?.payloads], [count + 1, count + 1, count])
  const offsets: number[] = []
  for await (const { leaf } of view.reader.entries(originOfTest(options), 1, count + 1)) {
    if (leaf.type === 'event') offsets.push(leaf.off)
  }
  assert.deepEqual(
    offsets,
    Array.from({ length: count }, (_, at) => at),
  )
}
