import assert from 'node:assert/strict'
import { test } from 'node:test'

import { directoryFiles } from '../../../../services/edge/capture/spool-files.ts'
import { aCompletion, aRequest } from '../../../support/an-event.ts'
import { contextOf, directoryFor, failing, ListBus, open } from './capture-fixture.ts'
import { until } from '../../../support/until.ts'

const request = aRequest('SELECT 1')
const completion = aCompletion()
const large = aRequest(Buffer.alloc(100_000, 65))

test('while the bus is down memory stays bounded and nothing is lost; afterwards everything arrives', async (t) => {
  const list = new ListBus()
  list.isDown = true
  const recorder = await open(t, directoryFor(t), list.bus)
  const scope = recorder.scope(contextOf('s'))
  let most = 0
  for (let count = 0; count < 600; count += 1) {
    assert.ok(
      scope.record({ type: 'request.received', request_id: `r${count}`, request: large }).ok,
    )
    most = Math.max(most, recorder.stats().memoryBytes)
    if (count % 20 === 0) await recorder.durable()
  }
  await recorder.durable()
  assert.ok(recorder.stats().spoolBytes > 60_000_000)
  assert.ok(most < 40_000_000, `${most} bytes were in memory`)
  assert.equal(list.values.length, 0)
  list.isDown = false
  await recorder.published(AbortSignal.timeout(15_000))
  await until(() => recorder.stats().spoolBytes === 0 && recorder.stats().spoolEvents === 0)
  assert.equal(list.chain().filter(({ event }) => event.request_id !== null).length, 600)
})

test('a request that the bus fails, before or after it was written, is sent again until it is taken', async (t) => {
  const list = new ListBus()
  let count = 0
  list.fault = () => ([null, 'before', 'afterwards'] as const)[count++ % 3] ?? null
  const recorder = await open(t, directoryFor(t), list.bus)
  for (const session of ['a', 'b', 'a', 'c', 'a']) {
    recorder.scope(contextOf(session)).record({ type: 'session.started' })
    await recorder.published(AbortSignal.timeout(15_000))
  }
  assert.equal(list.chain().filter(({ event }) => event.type === 'session.started').length, 5)
})

test('requests to the bus hold a thousand events or a mebibyte at most', async (t) => {
  const list = new ListBus()
  const recorder = await open(t, directoryFor(t), list.bus)
  const scope = recorder.scope(contextOf('s'))
  for (let count = 0; count < 2_500; count += 1) {
    scope.record({ type: 'request.received', request_id: `r${count}`, request })
  }
  for (let count = 0; count < 30; count += 1) {
    scope.record({ type: 'request.received', request_id: `l${count}`, request: large })
  }
  await recorder.published()
  assert.equal(Math.max(...list.requests), 1_000)
  assert.ok(list.requests.length >= 6)
  list.chain()
})

test('a spool at its bound refuses, says so in an event with counts, and takes events again when there is room', async (t) => {
  const list = new ListBus()
  list.isDown = true
  const recorder = await open(t, directoryFor(t), list.bus, { maxSpoolBytes: 2_200_000 })
  const scope = recorder.scope(contextOf('s'))
  let outcome = scope.record({ type: 'request.received', request_id: 'r', request: large })
  while (outcome.ok) {
    outcome = scope.record({ type: 'request.received', request_id: 'r', request: large })
  }
  assert.equal(outcome.reason, 'spool_full')
  // One more is refused, one is let through, and an answer is no request.
  assert.ok(!scope.record({ type: 'request.received', request_id: 'r', request: large }).ok)
  assert.ok(!scope.record({ type: 'request.received', request_id: 'r', request: large }).ok)
  recorder.noteUnrecorded()
  assert.ok(!scope.record({ type: 'request.completed', request_id: 'r', completion }).ok)
  assert.ok(recorder.stats().spoolBytes <= 2_200_000)
  await until(() => recorder.stats().state === 'degraded')
  list.isDown = false
  await until(() => recorder.stats().state === 'running')
  assert.ok(scope.record({ type: 'request.received', request_id: 'again', request }).ok)
  await recorder.published()
  const chain = list.chain().map(({ event }) => event)
  const degraded = chain.find(({ type }) => type === 'edge.degraded')?.edge
  assert.equal(degraded?.reason, 'the spool is full')
  assert.deepEqual([degraded.refused, degraded.unrecorded], [2, 1])
  const recovered = chain.find(({ type }) => type === 'edge.recovered')?.edge
  assert.deepEqual([recovered?.refused, recovered?.unrecorded], [0, 0])
  assert.ok(chain.some((event) => event.request_id === 'again'))
})

test('a full disk: what was taken waits in memory, nothing new is taken, and it goes on by itself', async (t) => {
  const list = new ListBus()
  const directory = directoryFor(t)
  let isFull = false
  const files = failing(directoryFiles(directory), (call) =>
    isFull && call !== 'state' && call !== 'failure' ? 'ENOSPC' : null,
  )
  const recorder = await open(t, directory, list.bus, { files })
  const scope = recorder.scope(contextOf('s'))
  await recorder.published()
  isFull = true
  assert.ok(scope.record({ type: 'request.received', request_id: 'r1', request }).ok)
  await assert.rejects(recorder.durable(), { code: 'SPOOL_FULL' })
  assert.deepEqual(scope.record({ type: 'request.received', request_id: 'r2', request }), {
    ok: false,
    reason: 'spool_full',
  })
  await until(() => recorder.stats().state === 'degraded')
  isFull = false
  await until(() => scope.record({ type: 'request.completed', request_id: 'r1', completion }).ok)
  await until(() => recorder.stats().state === 'running')
  await recorder.published()
  const chain = list.chain().map(({ event }) => event)
  assert.deepEqual(
    chain.filter((event) => event.request_id !== null).map((event) => event.request_id),
    ['r1', 'r1'],
  )
  const degraded = chain.find(({ type }) => type === 'edge.degraded')?.edge
  assert.equal(degraded?.reason, 'the disk of the spool is full')
  assert.equal(degraded.refused, 1)
})

test('a disk that fills up while one segment gives way to the next: nothing counts as durable that is not', async (t) => {
  const list = new ListBus()
  const directory = directoryFor(t)
  let isFull = false
  let onSync: (() => void) | null = null
  const files = failing(directoryFiles(directory), (call) => {
    if (call === 'sync') onSync?.()
    return isFull && (call === 'write' || call === 'reserve') ? 'ENOSPC' : null
  })
  // Segments of a mebibyte.
  const recorder = await open(t, directory, list.bus, {
    files,
    maxSpoolBytes: 16 << 20,
    windowMs: 60_000,
  })
  const scope = recorder.scope(contextOf('s'))
  const take = (id: string, part = request): boolean =>
    scope.record({ type: 'request.received', request_id: id, request: part }).ok
  for (let count = 0; count < 11; count += 1) assert.ok(take(`r${count}`, large))
  await recorder.durable()
  const { promise: durable, resolve } = Promise.withResolvers<undefined>()
  onSync = () => {
    onSync = null
    assert.ok(take('written'))
    recorder.writeOut()
    resolve(recorder.durable() as Promise<undefined>)
    isFull = true
    assert.ok(take('without room'))
    recorder.writeOut()
  }
  take('last of its segment')
  await recorder.durable()
  await assert.rejects(durable, { code: 'SPOOL_FULL' })
  isFull = false
  await until(() => recorder.stats().state === 'running')
  await recorder.published()
  const ids = list.chain().map(({ event }) => event.request_id)
  assert.deepEqual(ids.filter((id) => id !== null).slice(-3), [
    'last of its segment',
    'written',
    'without room',
  ])
})

for (const call of ['sync', 'write', 'state'] as const) {
  test(`an error of the disk (${call}) ends the spool: nothing is taken any more, and the next start says so and goes on`, async (t) => {
    const list = new ListBus()
    const directory = directoryFor(t)
    let isBroken = false
    const files = failing(directoryFiles(directory), (each) =>
      isBroken && each === call ? 'EIO' : null,
    )
    const recorder = await open(t, directory, list.bus, { files, maxSpoolBytes: 16 << 20 })
    const scope = recorder.scope(contextOf('s'))
    await recorder.published()
    isBroken = true
    let taken = 0
    if (call === 'state') {
      // The state is written when a segment is finished.
      while (recorder.stats().state !== 'failed') {
        if (scope.record({ type: 'request.received', request_id: 'r', request: large }).ok)
          taken += 1
        await recorder.durable().catch(() => undefined)
      }
    } else {
      assert.ok(scope.record({ type: 'request.received', request_id: 'lost', request }).ok)
      await assert.rejects(recorder.durable(), { code: 'SPOOL_FAILED' })
      await assert.rejects(recorder.published(), { code: 'SPOOL_FAILED' })
    }
    assert.deepEqual(scope.record({ type: 'request.received', request_id: 'r', request }), {
      ok: false,
      reason: 'spool_failed',
    })
    assert.equal(recorder.stats().state, 'failed')
    await recorder[Symbol.asyncDispose]()
    const again = await open(t, directory, list.bus)
    await again.published()
    const chain = list.chain().map(({ event }) => event)
    const degraded = chain.find(({ type }) => type === 'edge.degraded')?.edge
    const lost = call === 'state' ? '\\d+' : '1'
    assert.match(
      degraded?.reason ?? '',
      new RegExp(`^the spool failed \\(EIO\\).* not yet on disk: ${lost}$`),
    )
    assert.equal(degraded?.refused, 1)
    if (call === 'state') {
      assert.equal(chain.filter(({ request }) => request !== null).length, taken)
    }
    // It is said once.
    await again[Symbol.asyncDispose]()
    const third = await open(t, directory, list.bus)
    await third.published()
    assert.equal(list.chain().filter(({ event }) => event.type === 'edge.degraded').length, 1)
  })
}

test('a spool that cannot be read any more is said, and the events stay for the next start', async (t) => {
  const list = new ListBus()
  list.isDown = true
  const directory = directoryFor(t)
  const files = directoryFiles(directory)
  let isBroken = false
  const recorder = await open(t, directory, list.bus, {
    closeMs: 10,
    files: {
      ...files,
      read: (...given) =>
        isBroken
          ? Promise.reject(Object.assign(new Error('EIO'), { code: 'EIO' }))
          : files.read(...given),
    },
  })
  const scope = recorder.scope(contextOf('s'))
  for (let count = 0; count < 250; count += 1) {
    scope.record({ type: 'request.received', request_id: `r${count}`, request: large })
    if (count % 20 === 0) await recorder.durable()
  }
  isBroken = true
  list.isDown = false
  await until(() => recorder.stats().state === 'degraded')
  await recorder[Symbol.asyncDispose]()
  const again = await open(t, directory, list.bus)
  await again.published()
  const chain = list.chain().map(({ event }) => event)
  assert.equal(chain.filter(({ type }) => type === 'request.received').length, 250)
  assert.match(
    chain.find(({ type }) => type === 'edge.degraded')?.edge?.reason ?? '',
    /^events are not published/,
  )
})
