import assert from 'node:assert/strict'
import { cp, readFile, readdir, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'

import { FileEntryStore } from '../../../../services/ledger/adapters/files/file-entry-store.ts'
import { FileLedgerStorage } from '../../../../services/ledger/adapters/files/file-ledger-storage.ts'
import { initLedger, openLedgerReader } from '../../../../services/ledger/adapters/files/open.ts'
import type { FileLedgerOptions } from '../../../../services/ledger/adapters/files/open.ts'
import { LedgerError } from '../../../../services/ledger/error.ts'
import { closeFrame, frameHeaderBytes, frameType } from '../../../../services/ledger/log/frame.ts'
import { aDirectory, ledgerOptions } from '../../../support/a-ledger.ts'
import { commitEvents, openWriter, originOfTest } from '../../../support/a-log-writer.ts'

interface Prepared {
  readonly options: FileLedgerOptions
  readonly logDirectory: string
  readonly segment: string
  /** The bytes of the segment after each batch. */
  readonly ends: readonly number[]
  readonly sizes: readonly number[]
  readonly bytes: Buffer
}

/** A log of three batches; the first is signed. */
async function prepared(t: TestContext): Promise<Prepared> {
  const options = await ledgerOptions(await aDirectory(t))
  await initLedger(options)
  const logDirectory = join(options.directory, 'logs', originOfTest(options))
  const [name = ''] = await readdir(join(logDirectory, 'seg'))
  const segment = join(logDirectory, 'seg', name)
  const ends: number[] = []
  const sizes: number[] = []
  await using log = await openWriter(options)
  for (const count of [3, 1, 1]) {
    await commitEvents(log, count)
    if (ends.length === 0) await log.checkpoint(Date.now())
    ends.push((await readFile(segment)).length)
    sizes.push(log.durableSize)
  }
  return { options, logDirectory, segment, ends, sizes, bytes: await readFile(segment) }
}

test('a segment cut at any byte of the last two batches ends at the last whole commit', async (t) => {
  const { options, logDirectory, segment, ends, sizes, bytes } = await prepared(t)
  const [signedEnd = 0, secondEnd = 0] = ends
  for (let length = signedEnd; length < bytes.length; length++) {
    await writeFile(segment, bytes.subarray(0, length))
    const [size, end] = length >= secondEnd ? [sizes[1], secondEnd] : [sizes[0], signedEnd]
    await using store = await FileEntryStore.open({
      directory: join(logDirectory, 'seg'),
      origin: originOfTest(options),
      isWritable: true,
    })
    assert.equal(store.last.size, size, `cut at byte ${length}`)
    await store.cut()
    assert.equal((await stat(segment)).size, end)
  }
})

test('after a cut the log takes again what the bus delivers again, exactly once', async (t) => {
  const { options, segment, ends, sizes, bytes } = await prepared(t)
  const [signedEnd = 0, secondEnd = 0] = ends
  await using storage = await FileLedgerStorage.open(options)
  // From the end, since the payloads of what is cut are cut too.
  for (let length = bytes.length - 1; length >= signedEnd; length -= 23) {
    await writeFile(segment, bytes.subarray(0, length))
    const size = (length >= secondEnd ? sizes[1] : sizes[0]) ?? 0
    {
      await using log = await openWriter(options, storage)
      assert.equal(log.batch.nextOffset, BigInt(size - 1))
      await commitEvents(log, 2)
    }
    await using view = await openLedgerReader(options)
    const { logs, problems } = await view.verify()
    assert.deepEqual(problems, [], `cut at byte ${length}`)
    assert.equal(logs[0]?.payloads, size + 1)
  }
})

test('whole frames without a commit are cut', async (t) => {
  const { options, segment, sizes, bytes } = await prepared(t)
  const garbage = Buffer.alloc(200, 0x41)
  closeFrame(garbage, 0, frameType.record, 100 - frameHeaderBytes)
  closeFrame(garbage, 100, frameType.record, 100 - frameHeaderBytes)
  await writeFile(segment, Buffer.concat([bytes, garbage]))

  {
    await using log = await openWriter(options)
    assert.equal(log.durableSize, sizes[2])
  }
  assert.deepEqual(await readFile(segment), bytes)
})

test('a tail that a signed checkpoint covers is not cut: the log is refused as it is', async (t) => {
  const { options, segment, ends, bytes } = await prepared(t)
  const cut = bytes.subarray(0, (ends[0] ?? 0) - 1)
  await writeFile(segment, cut)

  await assert.rejects(openWriter(options), { code: 'LEDGER_ROLLED_BACK' })
  assert.deepEqual(await readFile(segment), cut)
})

test('a changed byte before a valid commit is refused wherever it is, and nothing is cut', async (t) => {
  const { options, segment, ends, bytes } = await prepared(t)
  for (let at = 0; at < (ends[1] ?? 0); at += 13) {
    const changed = Buffer.from(bytes)
    changed[at] = (changed[at] ?? 0) ^ 1
    await writeFile(segment, changed)
    await assert.rejects(
      openWriter(options),
      (error) =>
        error instanceof LedgerError &&
        error.code === 'LEDGER_CORRUPT' &&
        /\.seg/.test(error.message),
      `byte ${at}`,
    )
    assert.deepEqual(await readFile(segment), changed)
  }
})

test('a commit that does not fit its records is refused although its checksum is right', async (t) => {
  const { options, segment, ends, bytes } = await prepared(t)
  // The last commit, again, behind itself.
  const again = bytes.subarray(bytes.length - 108 - frameHeaderBytes)
  await writeFile(segment, Buffer.concat([bytes, again]))
  await assert.rejects(openWriter(options), { code: 'LEDGER_CORRUPT' })

  // A whole batch is missing in the middle.
  const [first = 0, second = 0] = ends
  await writeFile(segment, Buffer.concat([bytes.subarray(0, first), bytes.subarray(second)]))
  await assert.rejects(openWriter(options), { code: 'LEDGER_CORRUPT' })
})

test('packs that are missing, short or wrong are made again', async (t) => {
  const { options, logDirectory, sizes } = await prepared(t)
  const pack = join(logDirectory, 'hash', 'L0.pack')
  const right = await readFile(pack)
  for (const wrong of [Buffer.alloc(0), right.subarray(0, 50), Buffer.alloc(right.length, 7)]) {
    await writeFile(pack, wrong)
    await using log = await openWriter(options)
    assert.equal(log.durableSize, sizes[2])
    assert.deepEqual(await readFile(pack), right)
  }
})

test('segments roll, and a log of many segments opens and verifies', async (t) => {
  const options = {
    ...(await ledgerOptions(await aDirectory(t))),
    segmentBytes: 2000,
    payloadFileBytes: 700,
  }
  await initLedger(options)
  {
    await using log = await openWriter(options)
    for (let batch = 0; batch < 40; batch++) await commitEvents(log, 10)
    await log.checkpoint(Date.now())
  }
  const names = await readdir(join(options.directory, 'logs', originOfTest(options), 'seg'))
  assert.ok(names.length > 10, `${names.length} segments`)
  {
    await using log = await openWriter(options)
    assert.equal(log.durableSize, 401)
    await commitEvents(log, 1)
  }
  await using view = await openLedgerReader(options)
  const verification = await view.verify()
  assert.deepEqual(verification.problems, [])
  assert.equal(verification.logs[0]?.payloads, 401)
})

test('a segment that was begun and not written is used, and a footer without a next segment too', async (t) => {
  const options = { ...(await ledgerOptions(await aDirectory(t))), segmentBytes: 2000 }
  await initLedger(options)
  const directory = join(options.directory, 'logs', originOfTest(options), 'seg')
  {
    await using log = await openWriter(options)
    for (let batch = 0; batch < 3; batch++) await commitEvents(log, 10)
  }
  const names = (await readdir(directory)).sort()
  const last = join(directory, names.at(-1) ?? '')
  const header = (await readFile(last)).subarray(0, 21 + originOfTest(options).length + 4)
  await truncate(last, header.length)
  await cp(options.directory, `${options.directory}-2`, { recursive: true })
  {
    await using log = await openWriter(options)
    assert.equal(log.durableSize, Number(names.at(-1)?.slice(0, 20)))
    await commitEvents(log, 5)
    await log.checkpoint(Date.now())
  }
  await using view = await openLedgerReader(options)
  assert.deepEqual((await view.verify()).problems, [])
})

test('what is signed is checked against the register, and both against the segments', async (t) => {
  const { options, logDirectory, bytes, segment } = await prepared(t)
  const snapshot = `${options.directory}-snapshot`
  await cp(logDirectory, snapshot, { recursive: true })
  {
    await using log = await openWriter(options)
    await commitEvents(log, 1)
    await log.checkpoint(Date.now())
  }
  // The directory of the log is set back as a whole; the register is not.
  await cp(snapshot, logDirectory, { recursive: true, force: true })
  await assert.rejects(openWriter(options), { code: 'LEDGER_ROLLED_BACK' })
  assert.deepEqual(await readFile(segment), bytes)
})
