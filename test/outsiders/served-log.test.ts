import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'

import fastify from 'fastify'

import { answerProblems } from '../../services/api/problem.ts'
import { logRoutes } from '../../services/api/routes/logs.ts'
import { initLedger, openLedger } from '../../services/ledger/adapters/files/open.ts'
import { logFiles } from '../../services/ledger/proof/c2sp-files.ts'
import { tilePath, tilesOf } from '../../services/ledger/proof/tile.ts'
import type { LedgerReader } from '../../services/ledger/reader.ts'
import { createLogger } from '../../services/runtime/logger.ts'
import { ChainOfEvents, aBus, aDirectory, ledgerOptions, send } from '../support/a-ledger.ts'
import { until } from '../support/until.ts'
import { treeOf } from './a-log.ts'
import { goProgram, run } from './verifier.ts'

/** The api's log routes, listening. `change` may alter an answer on its way out. */
async function serve(
  t: TestContext,
  reader: LedgerReader,
  change: (path: string, payload: unknown) => unknown = (_path, payload) => payload,
): Promise<string> {
  const app = fastify()
  answerProblems(app, createLogger('silent'))
  app.addHook('onSend', (request, _reply, payload) => Promise.resolve(change(request.url, payload)))
  await app.register(logRoutes, { reader })
  t.after(() => app.close())
  return app.listen({ host: '127.0.0.1', port: 0 })
}

test('Go reads a log over HTTP at each size, and refuses another byte anywhere', async (t) => {
  const program = await goProgram(t, 'read-log')
  if (program === null) return
  const directory = await aDirectory(t)
  const options = await ledgerOptions(directory)
  await initLedger(options)
  const chain = new ChainOfEvents()
  await using bus = await aBus(directory)
  await using ledger = await openLedger(options)
  const stop = new AbortController()
  const running = ledger.run(bus, stop.signal)
  const { reader } = ledger
  let changed = ''
  const url = await serve(t, reader, (path, payload) => {
    if (changed === '' || !path.endsWith(changed)) return payload
    const bytes = Buffer.from(payload as Buffer)
    bytes[bytes.length - 1]! ^= 1
    return bytes
  })
  const remembered: string[] = []
  for (const size of [2, 256, 257, 600]) {
    const events = Array.from({ length: size - ledger.durableEntries }, () => chain.next().value)
    await send(bus, 's-0', events)
    await until(async () => (await reader.logs())[0]?.size === size)
    const [head] = await reader.logs()
    assert.ok(head)
    const { origin, root, vkey } = head
    const verify = ['-vkey', vkey, '-url', `${url}/logs/${origin}`]
    for (const older of [[], ...remembered.map((file) => ['-remembered', file])]) {
      const { stdout } = await run(program, [...verify, ...older])
      assert.equal(stdout, `verified: ${origin} ${size} ${root.toString('base64')}\n`)
    }
    for (const path of ['checkpoint', ...Array.from(tilesOf(size), tilePath)]) {
      changed = `/${path}`
      const { code, stdout } = await run(program, verify)
      assert.deepEqual([code, stdout.split(' ')[0]], [1, 'refused:'], changed)
      changed = ''
    }
    const kept = join(directory, `checkpoint-${size}`)
    await writeFile(kept, head.checkpoint)
    remembered.push(kept)
  }
  stop.abort()
  await running
})

test('what is served is what is exported; what no checkpoint covers is not there', async (t) => {
  const directory = await aDirectory(t)
  const options = await ledgerOptions(directory)
  await initLedger(options)
  await using bus = await aBus(directory)
  await using ledger = await openLedger(options)
  const stop = new AbortController()
  const running = ledger.run(bus, stop.signal)
  const chain = new ChainOfEvents()
  await send(
    bus,
    's-0',
    Array.from({ length: 299 }, () => chain.next().value),
  )
  const { reader } = ledger
  await until(async () => (await reader.logs())[0]?.size === 300)
  stop.abort()
  await running
  const [head] = await reader.logs()
  assert.ok(head)
  const base = `${await serve(t, reader)}/logs/${head.origin}`
  const get = async (
    path: string,
  ): Promise<{ status: number; bytes: Buffer; type: string | null }> => {
    const response = await fetch(`${base}/${path}`)
    const bytes = Buffer.from(await response.arrayBuffer())
    return { status: response.status, bytes, type: response.headers.get('cache-control') }
  }
  const entries: Buffer[] = []
  for await (const { leafBytes } of reader.entries(head.origin, 0, 300)) entries.push(leafBytes)
  const { hash } = treeOf(entries)
  const content = {
    checkpoint: head.checkpoint,
    size: 300,
    hash,
    entries: (from: number, to: number) => Promise.resolve(entries.slice(from, to)),
  }
  for await (const { path, bytes } of logFiles(content)) {
    const answer = await get(path)
    assert.equal(answer.status, 200, path)
    assert.ok(answer.bytes.equals(bytes), path)
    assert.equal(answer.type?.includes('immutable'), path !== 'checkpoint')
  }
  // A partial tile of an earlier checkpoint is still there.
  assert.ok(
    (await get('tile/0/001.p/3')).bytes.equals(
      (await get('tile/0/001.p/44')).bytes.subarray(0, 96),
    ),
  )
  for (const path of [
    'tile/0/001',
    'tile/0/001.p/45',
    'tile/0/002.p/1',
    'tile/1/000',
    'tile/1/000.p/2',
    'tile/2/000.p/1',
    'tile/63/000.p/1',
    'tile/entries/001.p/45',
    'tile/entries/000.p/0',
    'tile/entries/000.p/256',
    'tile/64/000',
    'tile/0/x000/001',
    'tile/0/1',
    'tile/',
    'log.vkey',
    '../checkpoint',
  ]) {
    assert.equal((await get(path)).status, 404, path)
  }
  assert.equal((await fetch(`${base}x/checkpoint`)).status, 404)
})
