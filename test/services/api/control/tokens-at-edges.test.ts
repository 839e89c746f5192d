import assert from 'node:assert/strict'
import { sign } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'

import { pino } from 'pino'

import type { AuditEvent } from '../../../../schemas/event.ts'
import { ControlPublisher } from '../../../../services/api/control/control-publisher.ts'
import { ControlState } from '../../../../services/api/control/control-state.ts'
import { TokenUse } from '../../../../services/api/control/token-use.ts'
import { followTokensAtEdges } from '../../../../services/api/control/tokens-at-edges.ts'
import { openEmbeddedBus } from '../../../../services/bus/adapters/embedded/embedded-bus.ts'
import type { Bus } from '../../../../services/bus/bus.ts'
import type { Following } from '../../../../services/bus/follow-topic.ts'
import { KeptOffsets } from '../../../../services/bus/kept-offsets.ts'
import type { Missed } from '../../../../services/bus/read-on.ts'
import { topics } from '../../../../services/bus/topics.ts'
import { systemClock } from '../../../../services/runtime/clock.ts'
import { anEvent, encoded } from '../../../support/an-event.ts'
import { aCredentialUpdate, anApiKey } from '../../edge/guard/control-builders.ts'

const hourMs = 3_600_000
const logger = pino({ level: 'silent' })

interface Setup {
  readonly bus: Bus
  readonly file: string
  readonly control: ControlState
  readonly publisher: ControlPublisher
}

async function aSetup(t: TestContext): Promise<Setup> {
  const directory = await mkdtemp(join(tmpdir(), 'tokens-at-edges-'))
  const bus = await openEmbeddedBus({
    file: join(directory, 'bus.db'),
    topics: [
      { name: topics.auditEvents, partitions: 2 },
      { name: topics.controlUpdates, partitions: 1, compacted: true },
    ],
  })
  t.after(async () => {
    await bus[Symbol.asyncDispose]()
    await rm(directory, { recursive: true })
  })
  const key = anApiKey()
  const control = new ControlState(key.publicKey)
  const publisher = new ControlPublisher({
    producer: bus.producer,
    sign: (message) => sign(null, message, key.privateKey),
    clock: systemClock,
    state: control,
  })
  return { bus, file: join(directory, 'offsets.json'), control, publisher }
}

/** An edge lets somebody in by this token, which ends in an hour. */
function aTokenTaken(tokenId: string | null, changes: Partial<AuditEvent> = {}): Buffer {
  return encoded(
    anEvent({
      type: 'auth.succeeded',
      auth: { method: 'token', credential_id: 'credential-1', reason: null },
      credential: {
        credential_id: 'credential-1',
        user: 'jwt',
        token_id: tokenId,
        expires_at: (Date.now() + hourMs) * 1000,
      },
      ...changes,
    }),
  )
}

async function record({ bus }: Setup, ...values: readonly Buffer[]): Promise<void> {
  for (const value of values) {
    await bus.producer.send(topics.auditEvents, Buffer.from('session'), [{ value, headers: {} }])
  }
}

async function follow(
  { bus, file, control, publisher }: Setup,
  use: (following: Following) => Promise<void> = ({ caughtUp }) => caughtUp,
): Promise<void> {
  const stop = new AbortController()
  await using offsets = await KeptOffsets.open(file, logger)
  const clock = systemClock
  const group = 'api.tokens'
  const { signal } = stop
  const kept = { offsets, onMissed: (each: Missed) => assert.fail(`missed: ${each.reason}`) }
  const following = followTokensAtEdges({ bus, group, kept, control, publisher, clock, signal })
  await use(following)
  stop.abort()
  await following.done
}

async function told({ bus }: Setup): Promise<number> {
  return Number((await bus.watermarks(topics.controlUpdates, 0)).high)
}

test('a token that an edge has taken is used for the api too, and all edges are told, once', async (t) => {
  const setup = await aSetup(t)
  await record(setup, aTokenTaken('a'), aTokenTaken('a'), aTokenTaken('b'))
  await follow(setup)
  assert.deepEqual(
    ['a', 'b', 'c'].map((id) => setup.control.isUsed(id)),
    [true, true, false],
  )
  assert.equal(await told(setup), 2)
  await record(setup, aTokenTaken('c'))
  await follow(setup)
  assert.equal(setup.control.isUsed('c'), true)
  assert.equal(await told(setup), 3)
})

test('nothing else tells of a token', async (t) => {
  const setup = await aSetup(t)
  const auth = { method: 'scram-sha-256', credential_id: 'credential-1', reason: null }
  const ended = {
    credential_id: 'credential-1',
    user: 'jwt',
    token_id: 'a',
    expires_at: (Date.now() - 1) * 1000,
  }
  await setup.publisher.publish(aCredentialUpdate({ token_id: 'exchanged' }))
  await record(
    setup,
    Buffer.from('no event'),
    aTokenTaken(null),
    aTokenTaken('a', { auth }),
    aTokenTaken('a', { type: 'credential.issued' }),
    aTokenTaken('a', { credential: null }),
    aTokenTaken('a', { credential: ended }),
    aTokenTaken('exchanged'),
  )
  await follow(setup)
  assert.equal(setup.control.isUsed('a'), false)
  assert.equal(await told(setup), 1)
})

test('where control.updates is full, the use waits until there is room, and no token is exchanged', async (t) => {
  const setup = await aSetup(t)
  let isFull = true
  Object.defineProperty(setup.control, 'isFull', { get: () => isFull })
  await record(setup, aTokenTaken('a'))
  await follow(setup, async ({ caughtUp }) => {
    const exchange = await new TokenUse(setup.control, caughtUp, 100).begin('another')
    assert.deepEqual(exchange, { ok: false, reason: 'uses_at_edges_unknown' })
    assert.equal(setup.control.isUsed('a'), false)
    isFull = false
    await caughtUp
  })
  assert.equal(setup.control.isUsed('a'), true)
})
