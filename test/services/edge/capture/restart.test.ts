import assert from 'node:assert/strict'
import { readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'

import { directoryFiles } from '../../../../services/edge/capture/spool-files.ts'
import { recoverSpool } from '../../../../services/edge/capture/spool-recovery.ts'
import { aCompletion, anActor, aRequest } from '../../../support/an-event.ts'
import {
  contextOf,
  crashedCopy,
  directoryFor,
  ListBus,
  open,
  segmentsIn,
} from './capture-fixture.ts'

const request = aRequest('SELECT 1')
const completion = aCompletion()
const large = aRequest(Buffer.alloc(400_000, 65))

test('a second start goes on with number and hash, also when everything was published and removed', async (t) => {
  const list = new ListBus()
  const directory = directoryFor(t)
  for (let start = 0; start < 4; start += 1) {
    const recorder = await open(t, directory, list.bus)
    const scope = recorder.scope(contextOf('s'))
    scope.record({ type: 'request.received', request_id: `r${start}`, request })
    scope.record({ type: 'request.completed', request_id: `r${start}`, completion })
    scope.record({ type: 'session.ended' })
    await recorder[Symbol.asyncDispose]()
    assert.ok(segmentsIn(directory).length <= 1)
  }
  const chain = list.chain()
  assert.equal(chain.length, list.values.length, 'nothing was sent twice')
  assert.equal(chain.filter(({ event }) => event.type === 'edge.started').length, 4)
})

test('after a crash only what was published within the last second or so is sent again', async (t) => {
  const list = new ListBus()
  const directory = directoryFor(t)
  const crashed = await open(t, directory, list.bus)
  const scope = crashed.scope(contextOf('s'))
  const record = async (count: number): Promise<void> => {
    for (let at = 0; at < count; at += 1) {
      scope.record({ type: 'request.received', request_id: `r${at}`, request })
      scope.record({ type: 'request.completed', request_id: `r${at}`, completion })
    }
    await crashed.published()
  }
  await record(500)
  await pause(1100)
  await record(1)
  // What is kept then is kept beside the publishing.
  await pause(200)
  const sent = list.values.length
  const again = await open(t, crashedCopy(t, directory), list.bus)
  await again.published()
  const repeated = list.values.length - list.chain().length
  assert.ok(repeated < 10, `${repeated} of ${sent} events were sent again`)
})

test('a start that ends before the bus took anything does not lock out the next', async (t) => {
  const list = new ListBus()
  const directory = directoryFor(t)
  const first = await open(t, directory, list.bus)
  await first[Symbol.asyncDispose]()
  const down = new ListBus()
  down.isDown = true
  let latest = directory
  for (let start = 0; start < 3; start += 1) {
    const unlucky = await open(t, latest, down.bus, { closeMs: 10 })
    await unlucky.durable()
    latest = crashedCopy(t, latest)
  }
  const last = await open(t, latest, list.bus)
  await last.published()
  assert.equal(list.chain().filter(({ event }) => event.type === 'edge.started').length, 5)
})

test('after a crash, open requests are completed as unknown and open sessions end', async (t) => {
  const list = new ListBus()
  const directory = directoryFor(t)
  const crashed = await open(t, directory, list.bus)
  const actor = anActor()
  const scope = crashed.scope({ ...contextOf('s'), actor })
  scope.record({ type: 'session.started' })
  scope.record({ type: 'request.received', request_id: 'done', request })
  scope.record({ type: 'request.completed', request_id: 'done', completion })
  scope.record({ type: 'request.received', request_id: 'open', request })
  const ended = crashed.scope(contextOf('ended'))
  ended.record({ type: 'session.started' })
  ended.record({ type: 'session.ended' })
  await crashed.published()
  const copy = crashedCopy(t, directory)
  const before = list.values.length
  const recorder = await open(t, copy, list.bus)
  await recorder.published()
  const found = list
    .chain()
    .slice(before)
    .map(({ event }) => event)
  assert.deepEqual(
    found
      .slice(0, 3)
      .map((event) => [
        event.type,
        event.request_id,
        event.session_id,
        event.completion?.outcome ?? event.session?.outcome,
        event.actor?.subject,
      ]),
    [
      ['request.completed', 'open', 's', 'unknown', actor.subject],
      ['session.ended', null, 's', 'unknown', actor.subject],
      ['edge.started', null, null, undefined, undefined],
    ],
  )
  // They are closed once: the next crash finds nothing open.
  const next = new ListBus()
  const again = await open(t, crashedCopy(t, copy), next.bus)
  await again.published()
  const unknown = next.events.filter((event) => event.completion?.outcome === 'unknown')
  assert.ok(unknown.every((event) => event.producer_seq < before + 3))
})

test('segments are removed once the bus has them, and open work outlives them', async (t) => {
  const list = new ListBus()
  const directory = directoryFor(t)
  const recorder = await open(t, directory, list.bus, { maxSpoolBytes: 16 << 20 })
  const scope = recorder.scope(contextOf('s'))
  scope.record({ type: 'session.started' })
  scope.record({ type: 'request.received', request_id: 'open', request })
  for (let count = 0; count < 20; count += 1) {
    scope.record({ type: 'request.received', request_id: `r${count}`, request: large })
    scope.record({ type: 'request.completed', request_id: `r${count}`, completion })
    await recorder.published()
  }
  assert.ok(segmentsIn(directory).length <= 2)
  const late = new ListBus()
  const again = await open(t, crashedCopy(t, directory), late.bus)
  await again.published()
  const unknown = late.events.filter((event) => event.completion?.outcome === 'unknown')
  assert.deepEqual(
    unknown.map((event) => event.request_id),
    ['open'],
  )
})

test('every cut of the newest segment recovers to a prefix, and the chain goes on from there', async (t) => {
  const list = new ListBus()
  list.isDown = true
  const directory = directoryFor(t)
  const recorder = await open(t, directory, list.bus, { closeMs: 10 })
  const scope = recorder.scope(contextOf('s'))
  for (let count = 0; count < 3; count += 1) {
    scope.record({ type: 'request.received', request_id: `r${count}`, request })
    await recorder.durable()
  }
  const [segment] = segmentsIn(directory)
  assert.ok(segment)
  const { size } = statSync(segment)
  const copy = crashedCopy(t, directory)
  const [copied] = segmentsIn(copy)
  assert.ok(copied)
  const files = directoryFiles(copy)
  let nextSeq = 4
  for (let cut = size; cut >= 0; cut -= 1) {
    truncateSync(copied, cut)
    const recovered = await recoverSpool(files)
    assert.ok(recovered.nextSeq <= nextSeq && recovered.nextSeq >= nextSeq - 1)
    nextSeq = recovered.nextSeq
    const kept = recovered.segments[0]?.size ?? 0
    assert.equal(recovered.cutBytes, cut - kept)
    if (kept === 0) break
    if (cut % 10 !== 0) continue
    // The same cut again, with what a torn write may leave: other bytes.
    writeFileSync(copied, Buffer.concat([readFileSync(copied), Buffer.alloc(cut - kept, 0x5a)]))
    assert.equal((await recoverSpool(files)).nextSeq, nextSeq)
  }
  assert.equal(nextSeq, 0)
  for (const cut of [0, 1, size >> 2, size >> 1, size - 1, size]) {
    const torn = crashedCopy(t, directory)
    const [name] = segmentsIn(torn)
    assert.ok(name)
    truncateSync(name, cut)
    const late = new ListBus()
    const again = await open(t, torn, late.bus)
    await again.published()
    late.chain()
  }
})

test('a segment that was made and not written to leaves the one before the newest, whose end may be torn', async (t) => {
  const list = new ListBus()
  list.isDown = true
  const directory = directoryFor(t)
  const recorder = await open(t, directory, list.bus, { closeMs: 10 })
  recorder.scope(contextOf('s')).record({ type: 'request.received', request_id: 'r', request })
  await recorder.durable()
  const copy = crashedCopy(t, directory)
  const [name] = segmentsIn(copy)
  assert.ok(name)
  truncateSync(name, statSync(name).size - 1)
  writeFileSync(join(copy, '0000000000000009.spool'), '')
  const recovered = await recoverSpool(directoryFiles(copy))
  assert.ok(recovered.cutBytes > 0)
  assert.deepEqual(segmentsIn(copy), [name])
})

test('what was written out is there after a crash, and nothing else is', async (t) => {
  const list = new ListBus()
  list.isDown = true
  const directory = directoryFor(t)
  const recorder = await open(t, directory, list.bus, { closeMs: 10, windowMs: 60_000 })
  const scope = recorder.scope(contextOf('s'))
  scope.record({ type: 'request.received', request_id: 'kept', request })
  await new Promise<void>((resolve) => recorder.afterWriteOut(resolve))
  scope.record({ type: 'request.received', request_id: 'in memory', request })
  const late = new ListBus()
  const again = await open(t, crashedCopy(t, directory), late.bus)
  await again.published()
  const received = late.chain().filter(({ event }) => event.type === 'request.received')
  assert.deepEqual(
    received.map(({ event }) => event.request_id),
    ['kept'],
  )
})

test('damage where events were durable is refused with the place, not passed over', async (t) => {
  const list = new ListBus()
  list.isDown = true
  const directory = directoryFor(t)
  const recorder = await open(t, directory, list.bus, { maxSpoolBytes: 16 << 20, closeMs: 10 })
  const scope = recorder.scope(contextOf('s'))
  for (let count = 0; count < 8; count += 1) {
    scope.record({ type: 'request.received', request_id: `r${count}`, request: large })
    await recorder.durable()
  }
  const names = segmentsIn(directory)
  assert.ok(names.length >= 3)
  const broken = crashedCopy(t, directory)
  const [first] = segmentsIn(broken)
  assert.ok(first)
  const bytes = readFileSync(first)
  bytes[500] = (bytes[500] ?? 0) ^ 1
  writeFileSync(first, bytes)
  await assert.rejects(recoverSpool(directoryFiles(broken)), {
    code: 'SPOOL_CORRUPT',
    message: /spool is damaged at byte \d+/,
  })
  const missing = crashedCopy(t, directory)
  rmSync(segmentsIn(missing)[1] ?? '')
  await assert.rejects(recoverSpool(directoryFiles(missing)), { code: 'SPOOL_CORRUPT' })
})

test('a newest segment that lost what was published is refused: its numbers would be used twice', async (t) => {
  const list = new ListBus()
  const directory = directoryFor(t)
  const recorder = await open(t, directory, list.bus)
  recorder.scope(contextOf('s')).record({ type: 'session.started' })
  await recorder[Symbol.asyncDispose]()
  const [segment] = segmentsIn(directory)
  assert.ok(segment)
  truncateSync(segment, statSync(segment).size - 1)
  await assert.rejects(recoverSpool(directoryFiles(directory)), { code: 'SPOOL_CORRUPT' })
})

test('a torn write of the state leaves the state before; two damaged ones are refused', async (t) => {
  const directory = directoryFor(t)
  const files = directoryFiles(directory)
  await files.reserve(1)
  for (let count = 1; count <= 5; count += 1) {
    await files.writeState(`state ${count}`)
    assert.equal(await directoryFiles(directory).readState(), `state ${count}`)
  }
  const tear = (name: string): void => {
    const bytes = readFileSync(join(directory, name))
    bytes[15] = (bytes[15] ?? 0) ^ 1
    writeFileSync(join(directory, name), bytes)
  }
  tear('state.1')
  const after = directoryFiles(directory)
  assert.equal(await after.readState(), 'state 4')
  await after.writeState('state 6')
  assert.equal(await directoryFiles(directory).readState(), 'state 6')
  tear('state.0')
  tear('state.1')
  await assert.rejects(directoryFiles(directory).readState(), { code: 'SPOOL_STATE_INVALID' })
})

test('the spool of another producer is refused with its directory, and sends nothing', async (t) => {
  const list = new ListBus()
  const directory = directoryFor(t)
  const first = await open(t, directory, list.bus)
  first.scope(contextOf('s')).record({ type: 'session.started' })
  await first[Symbol.asyncDispose]()
  const sent = list.values.length
  await assert.rejects(
    open(t, directory, list.bus, { producer: 'edge-2' }),
    (error: Error & { code?: string }) => {
      assert.equal(error.code, 'SPOOL_FOREIGN')
      assert.ok(error.message.startsWith(`the spool in ${directory} cannot be used: `))
      assert.match(
        error.message,
        /holds events of edge-\S+, and this is edge-2.* give the producer/,
      )
      return true
    },
  )
  assert.equal(list.values.length, sent)
})
