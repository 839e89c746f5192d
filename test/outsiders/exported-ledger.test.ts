import assert from 'node:assert/strict'
import { copyFile, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'

import {
  initLedger,
  openLedger,
  openLedgerReader,
} from '../../services/ledger/adapters/files/open.ts'
import { exportC2sp } from '../../services/ledger/export.ts'
import { ChainOfEvents, aBus, aDirectory, ledgerOptions, send } from '../support/a-ledger.ts'
import { until } from '../support/until.ts'
import { goProgram, run } from './verifier.ts'

test('Go accepts what a ledger sealed and exported, at each size, and refuses it rolled back', async (t) => {
  const program = await goProgram(t, 'verify-log')
  if (program === null) return
  const directory = await aDirectory(t)
  const options = await ledgerOptions(directory)
  await initLedger(options)
  const chain = new ChainOfEvents()
  const memory: string[] = []
  const exported: string[] = []
  for (const size of [2, 256, 257, 600]) {
    {
      await using bus = await aBus(directory)
      await using ledger = await openLedger(options)
      const stop = new AbortController()
      const running = ledger.run(bus, stop.signal)
      const events = Array.from({ length: size - ledger.durableEntries }, () => chain.next().value)
      await send(bus, 'edge-1', events)
      await until(async () => (await ledger.reader.logs())[0]?.size === size)
      stop.abort()
      await running
    }
    await using ledger = await openLedgerReader(options)
    const [head] = await ledger.reader.logs()
    assert.ok(head)
    const to = join(directory, `export-${size}`)
    assert.equal(await exportC2sp(ledger.reader, head.origin, to), size)
    const verify = ['-vkey', head.vkey, '-origin', head.origin]
    const { stdout, code } = await run(program, [...verify, ...memory, to])
    assert.equal(stdout, `verified: ${head.origin} ${size} ${head.root.toString('base64')}\n`)
    assert.equal(code, 0)

    const kept = join(directory, `checkpoint-${size}`)
    await copyFile(join(to, 'checkpoint'), kept)
    memory.push('-remembered', kept)
    for (const older of exported) {
      const outcome = await run(program, [...verify, ...memory, older])
      assert.match(outcome.stdout, /^refused: checkpoint .* rolled back/)
    }
    exported.push(to)

    const genesis = await readFile(join(to, 'genesis.json'), 'utf8')
    await writeFile(join(to, 'genesis.json'), genesis.replace('"part":0', '"part":1'))
    const changed = await run(program, [...verify, to])
    assert.match(changed.stdout, /^refused: tile\/entries\/\S+ entry 0 does not follow/)
    await writeFile(join(to, 'genesis.json'), genesis)
  }
})
