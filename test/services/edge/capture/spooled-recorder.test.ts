import assert from 'node:assert/strict'
import { createHash, generateKeyPairSync, sign, verify } from 'node:crypto'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'

import { pino } from 'pino'

import { decodeEvent } from '../../../../schemas/codec.ts'
import type {
  AuditEvent,
  CompletionPart,
  EventContext,
  RequestPart,
} from '../../../../schemas/event.ts'
import { openEmbeddedBus } from '../../../../services/bus/adapters/embedded/embedded-bus.ts'
import { BusError } from '../../../../services/bus/bus.ts'
import type { Bus, BusRecord } from '../../../../services/bus/bus.ts'
import { openRecorder } from '../../../../services/edge/capture/spooled-recorder.ts'
import type {
  RecorderOptions,
  SpooledRecorder,
} from '../../../../services/edge/capture/spooled-recorder.ts'
import { directoryFiles } from '../../../../services/edge/capture/spool-files.ts'
import type { SpoolFiles } from '../../../../services/edge/capture/spool-files.ts'
import { parseVkey } from '../../../../services/ledger/proof/note.ts'
import { systemClock } from '../../../../services/runtime/clock.ts'

const silent = pino({ level: 'silent' })
const keys = generateKeyPairSync('ed25519')
const key = {
  publicKey: Buffer.from(keys.publicKey.export({ format: 'jwk' }).x ?? '', 'base64url'),
  sign: (message: Buffer) => sign(null, message, keys.privateKey),
}

function contextOf(session: string | null): EventContext {
  return {
    session_id: session,
    actor: null,
    target: null,
    source: null,
    purpose: null,
    data_labels: [],
    policy_digest: null,
    tenant: 'test',
    synthetic: false,
  }
}

const request: RequestPart = {
  operation: 'select',
  mode: 'simple',
  statement: Buffer.from('SELECT 1'),
  statement_bytes: 8,
  statement_sha256: Buffer.alloc(32),
  parameters: [],
  reads: [],
  writes: [],
  functions: [],
  tool_call_id: null,
}

const completion: CompletionPart = {
  outcome: 'ok',
  command_tag: 'SELECT 1',
  rows: 1,
  bytes_in: 0,
  bytes_out: 10,
  error_code: null,
  error_message: null,
  duration_us: 5,
  response_sha256: null,
  masked: [],
}

/** A bus in memory whose answers a test decides. What it keeps is what was acknowledged. */
class ListBus {
  readonly values: Buffer[] = []
  isDown = false

  get bus(): Bus {
    const send = (_topic: string, _key: Buffer, records: readonly BusRecord[]) => {
      if (this.isDown) return Promise.reject(new BusError('BUS_UNAVAILABLE', 'the bus is down'))
      const baseOffset = BigInt(this.values.length)
      for (const { value } of records) this.values.push(Buffer.from(value))
      return Promise.resolve({ partition: 0, baseOffset })
    }
    return { producer: { send } } as unknown as Bus
  }

  get events(): AuditEvent[] {
    return this.values.map((value) => decodeEvent(value))
  }

  /** The distinct values in order of `producer_seq`; repeats must be equal. */
  chain(): { event: AuditEvent; value: Buffer }[] {
    const bySeq = new Map<number, Buffer>()
    for (const value of this.values) {
      const { producer_seq: seq } = decodeEvent(value)
      const known = bySeq.get(seq)
      if (known !== undefined) assert.deepEqual(value, known, `number ${seq} was used twice`)
      bySeq.set(seq, value)
    }
    return [...bySeq]
      .sort(([a], [b]) => a - b)
      .map(([, value]) => ({ event: decodeEvent(value), value }))
  }
}

function directoryFor(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'affidavit-spool-'))
  t.after(() => {
    rmSync(directory, { recursive: true, force: true })
  })
  return directory
}

function open(
  directory: string,
  bus: Bus,
  more: Partial<RecorderOptions> = {},
): Promise<SpooledRecorder> {
  return openRecorder({
    producer: 'edge-1',
    directory,
    tenant: 'test',
    version: '0',
    key,
    bus,
    clock: systemClock,
    logger: silent,
    heartbeatMs: 60_000,
    windowMs: 2,
    ...more,
  })
}

function mustBeWholeChain(chain: readonly { event: AuditEvent; value: Buffer }[]): void {
  let prev = Buffer.alloc(32)
  for (const [at, { event, value }] of chain.entries()) {
    assert.equal(event.producer_seq, at, 'numbers have no gap')
    assert.deepEqual(event.prev, prev, `event ${at} names the one before`)
    prev = createHash('sha256').update(value).digest()
  }
}

test('events of many scopes form one chain without gaps, and all reach the bus', async (t) => {
  const list = new ListBus()
  const recorder = await open(directoryFor(t), list.bus)
  const scopes = ['a', 'b', 'c', null].map((session) => recorder.scope(contextOf(session)))
  for (let count = 0; count < 500; count += 1) {
    const scope = scopes[(count * 7) % scopes.length]
    assert.ok(scope?.record({ type: 'request.received', request_id: `r${count}`, request }).ok)
  }
  await recorder.published()
  await recorder[Symbol.asyncDispose]()
  const chain = list.chain()
  mustBeWholeChain(chain)
  assert.equal(chain.filter(({ event }) => event.type === 'request.received').length, 500)
  assert.equal(chain[0]?.event.type, 'edge.started')
  assert.ok(chain.some(({ event }) => event.type === 'edge.stopped'))
})

test('the newest event is sealed with a signature over its number and hash', async (t) => {
  const list = new ListBus()
  const recorder = await open(directoryFor(t), list.bus)
  const scope = recorder.scope(contextOf('s'))
  scope.record({ type: 'session.started' })
  scope.record({ type: 'session.ended' })
  await recorder[Symbol.asyncDispose]()
  const chain = list.chain()
  const { seal } = chain.find(({ event }) => event.type === 'edge.sealed')?.event ?? {}
  assert.ok(seal)
  const sealed = chain[seal.head_seq]
  assert.equal(sealed?.event.type, 'session.ended')
  const head = createHash('sha256').update(sealed.value).digest()
  assert.deepEqual(seal.head_sha256, head)
  const vkey = parseVkey(seal.vkey)
  assert.equal(vkey.name, 'edge-1')
  const text = `affidavit/edge-seal/v1\nedge-1\n${seal.head_seq}\n${head.toString('hex')}\n`
  assert.ok(verify(null, Buffer.from(text), vkey.key, seal.signature))
})

test('a second start goes on with number and hash, also when everything was published', async (t) => {
  const list = new ListBus()
  const directory = directoryFor(t)
  for (let start = 0; start < 3; start += 1) {
    const recorder = await open(directory, list.bus)
    recorder
      .scope(contextOf('s'))
      .record({ type: 'request.received', request_id: `r${start}`, request })
    recorder
      .scope(contextOf('s'))
      .record({ type: 'request.completed', request_id: `r${start}`, completion })
    await recorder[Symbol.asyncDispose]()
  }
  mustBeWholeChain(list.chain())
})

test('while the bus is down nothing is lost; afterwards everything arrives in order', async (t) => {
  const list = new ListBus()
  list.isDown = true
  const recorder = await open(directoryFor(t), list.bus)
  const scope = recorder.scope(contextOf('s'))
  for (let count = 0; count < 100; count += 1) {
    scope.record({ type: 'request.received', request_id: `r${count}`, request })
  }
  await recorder.durable()
  assert.equal(list.values.length, 0)
  assert.ok(recorder.stats().spoolEvents >= 100)
  list.isDown = false
  await recorder.published(AbortSignal.timeout(10_000))
  await recorder[Symbol.asyncDispose]()
  mustBeWholeChain(list.chain())
})

test('a spool at its bound refuses, says so in an event, and takes events again when there is room', async (t) => {
  const list = new ListBus()
  list.isDown = true
  const recorder = await open(directoryFor(t), list.bus, { maxSpoolBytes: 1_200_000 })
  const scope = recorder.scope(contextOf('s'))
  const large = { ...request, statement: Buffer.alloc(10_000) }
  let outcome = scope.record({ type: 'request.received', request_id: 'r', request: large })
  let taken = 0
  while (outcome.ok) {
    taken += 1
    outcome = scope.record({ type: 'request.received', request_id: `r${taken}`, request: large })
  }
  assert.equal(outcome.reason, 'spool_full')
  assert.ok(recorder.stats().spoolBytes <= 1_200_000)
  await until(() => recorder.stats().state === 'degraded')
  list.isDown = false
  await until(() => recorder.stats().state === 'running')
  assert.ok(scope.record({ type: 'request.received', request_id: 'again', request }).ok)
  await recorder[Symbol.asyncDispose]()
  const chain = list.chain()
  mustBeWholeChain(chain)
  const degraded = chain.find(({ event }) => event.type === 'edge.degraded')?.event.edge
  assert.equal(degraded?.reason, 'the spool is full')
  assert.ok(degraded.refused > 0)
  assert.ok(chain.some(({ event }) => event.type === 'edge.recovered'))
})

test('a disk without room: what was taken waits and is written when there is room again', async (t) => {
  const list = new ListBus()
  const directory = directoryFor(t)
  let isFull = false
  const files = failing(directoryFiles(directory), (call) =>
    call === 'write' && isFull ? 'ENOSPC' : null,
  )
  const recorder = await open(directory, list.bus, { files })
  const scope = recorder.scope(contextOf('s'))
  isFull = true
  assert.ok(scope.record({ type: 'request.received', request_id: 'r1', request }).ok)
  const durable = recorder.durable()
  await until(() => !scope.record({ type: 'request.received', request_id: 'r2', request }).ok)
  isFull = false
  await durable
  await until(() => scope.record({ type: 'request.completed', request_id: 'r1', completion }).ok)
  await recorder[Symbol.asyncDispose]()
  mustBeWholeChain(list.chain())
  assert.ok(list.events.some((event) => event.request_id === 'r1'))
})

for (const [call, code] of [
  ['sync', 'EIO'],
  ['write', 'EIO'],
] as const) {
  test(`an ${code} of ${call} ends the spool: nothing is taken any more, and a restart goes on`, async (t) => {
    const list = new ListBus()
    const directory = directoryFor(t)
    let isBroken = false
    const files = failing(directoryFiles(directory), (each) =>
      each === call && isBroken ? code : null,
    )
    const recorder = await open(directory, list.bus, { files })
    const scope = recorder.scope(contextOf('s'))
    await recorder.published()
    isBroken = true
    assert.ok(scope.record({ type: 'request.received', request_id: 'lost', request }).ok)
    await assert.rejects(recorder.durable(), { code: 'SPOOL_FAILED' })
    assert.deepEqual(scope.record({ type: 'request.received', request_id: 'r', request }), {
      ok: false,
      reason: 'spool_failed',
    })
    assert.equal(recorder.stats().state, 'failed')
    await recorder[Symbol.asyncDispose]()
    const again = await open(directory, list.bus)
    await again.published()
    await again[Symbol.asyncDispose]()
    mustBeWholeChain(list.chain())
  })
}

test('after a crash, open requests are completed as unknown and open sessions end', async (t) => {
  const list = new ListBus()
  const directory = directoryFor(t)
  const crashed = await open(directory, list.bus)
  const scope = crashed.scope(contextOf('s'))
  scope.record({ type: 'session.started' })
  scope.record({ type: 'request.received', request_id: 'done', request })
  scope.record({ type: 'request.completed', request_id: 'done', completion })
  scope.record({ type: 'request.received', request_id: 'open', request })
  await crashed.published()
  const copy = directoryFor(t)
  const { cpSync } = await import('node:fs')
  cpSync(directory, copy, { recursive: true })
  const before = list.chain().length
  const recorder = await open(copy, list.bus)
  await recorder.published()
  const found = list
    .chain()
    .slice(before)
    .map(({ event }) => event)
    .filter((event) => event.session_id === 's')
  assert.deepEqual(
    found.map((event) => [
      event.type,
      event.request_id,
      event.completion?.outcome ?? event.session?.outcome,
    ]),
    [
      ['request.completed', 'open', 'unknown'],
      ['session.ended', null, 'unknown'],
    ],
  )
  await recorder[Symbol.asyncDispose]()
  list.isDown = true
  await crashed[Symbol.asyncDispose]()
})

test('segments are removed once the bus has them, and open work outlives them', async (t) => {
  const list = new ListBus()
  const directory = directoryFor(t)
  const recorder = await open(directory, list.bus)
  const scope = recorder.scope(contextOf('s'))
  scope.record({ type: 'session.started' })
  scope.record({ type: 'request.received', request_id: 'open', request })
  const large = { ...request, statement: Buffer.alloc(1_000_000) }
  for (let count = 0; count < 40; count += 1) {
    scope.record({ type: 'request.received', request_id: `r${count}`, request: large })
    scope.record({ type: 'request.completed', request_id: `r${count}`, completion })
    await recorder.published()
  }
  const segments = (): string[] => readdirSync(directory).filter((name) => name.endsWith('.spool'))
  assert.ok(segments().length <= 2, `${segments().length} segments are left`)
  const copy = directoryFor(t)
  const { cpSync } = await import('node:fs')
  cpSync(directory, copy, { recursive: true })
  await recorder[Symbol.asyncDispose]()
  const late = new ListBus()
  const again = await open(copy, late.bus)
  await again.published()
  await again[Symbol.asyncDispose]()
  const unknown = late.events.filter((event) => event.completion?.outcome === 'unknown')
  assert.deepEqual(
    unknown.map((event) => event.request_id),
    ['open'],
  )
})

test('a torn tail, cut at every byte, gives a prefix of the chain, and the chain goes on', async (t) => {
  const list = new ListBus()
  list.isDown = true
  const directory = directoryFor(t)
  const recorder = await open(directory, list.bus)
  const scope = recorder.scope(contextOf('s'))
  await recorder.durable()
  const { cpSync, statSync, truncateSync } = await import('node:fs')
  const [segment] = readdirSync(directory).filter((name) => name.endsWith('.spool'))
  assert.ok(segment)
  const before = statSync(join(directory, segment)).size
  scope.record({ type: 'request.received', request_id: 'r', request })
  scope.record({ type: 'request.completed', request_id: 'r', completion })
  await recorder.durable()
  const after = statSync(join(directory, segment)).size
  for (let size = before; size <= after; size += 1) {
    const copy = directoryFor(t)
    cpSync(directory, copy, { recursive: true })
    truncateSync(join(copy, segment), size)
    const cut = new ListBus()
    const again = await open(copy, cut.bus)
    await again.published()
    await again[Symbol.asyncDispose]()
    mustBeWholeChain(cut.chain())
  }
  list.isDown = false
  await recorder[Symbol.asyncDispose]()
})

test('on the embedded bus, sessions keep their order', async (t) => {
  const directory = directoryFor(t)
  await using bus = await openEmbeddedBus({
    file: join(directory, 'bus.sqlite'),
    topics: [{ name: 'audit.events', partitions: 3 }],
  })
  const recorder = await open(join(directory, 'spool'), bus)
  const scopes = ['a', 'b', 'c', 'd'].map((session) => recorder.scope(contextOf(session)))
  for (let count = 0; count < 2_000; count += 1) {
    scopes[count % 4]?.record({ type: 'request.received', request_id: `r${count}`, request })
  }
  await recorder.published()
  await recorder[Symbol.asyncDispose]()
  const seen = new Map<string, number>()
  let received = 0
  const stop = new AbortController()
  const consumer = bus.consumer({ group: 'test', topics: ['audit.events'] })
  await consumer.run((batch) => {
    for (const { value } of batch.records) {
      const event = decodeEvent(value)
      if (event.session_id === null) continue
      assert.ok((seen.get(event.session_id) ?? -1) < event.producer_seq)
      seen.set(event.session_id, event.producer_seq)
      received += 1
    }
    if (received === 2_000) stop.abort()
    return Promise.resolve({ commit: (batch.records.at(-1)?.offset ?? 0n) + 1n })
  }, stop.signal)
  assert.equal(received, 2_000)
})

async function until(isTrue: () => boolean): Promise<void> {
  const end = performance.now() + 15_000
  while (!isTrue()) {
    assert.ok(performance.now() < end, 'waited in vain')
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** The files, but calls for which `fault` gives a code fail with it. */
function failing(files: SpoolFiles, fault: (call: 'write' | 'sync') => string | null): SpoolFiles {
  return {
    ...files,
    async append(name) {
      const segment = await files.append(name)
      const check = (call: 'write' | 'sync'): void => {
        const code = fault(call)
        if (code !== null) throw Object.assign(new Error(code), { code })
      }
      return {
        async write(bytes, position) {
          check('write')
          await segment.write(bytes, position)
        },
        async sync() {
          check('sync')
          await segment.sync()
        },
        [Symbol.asyncDispose]: () => segment[Symbol.asyncDispose](),
      }
    },
  }
}
