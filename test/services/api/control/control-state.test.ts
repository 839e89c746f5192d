import assert from 'node:assert/strict'
import { test } from 'node:test'

import { pino } from 'pino'

import { tokenSha256 } from '../../../../schemas/control.ts'
import type { ControlUpdate } from '../../../../schemas/control.ts'
import { ControlPublisher } from '../../../../services/api/control/control-publisher.ts'
import { ControlRetention } from '../../../../services/api/control/control-retention.ts'
import { ControlState } from '../../../../services/api/control/control-state.ts'
import type { BusProducer } from '../../../../services/bus/bus.ts'
import {
  aCredentialUpdate,
  aLockoutUpdate,
  anApiKey,
  aRecord,
} from '../../edge/guard/control-builders.ts'
import { sign } from 'node:crypto'

const hourMs = 3_600_000
const nowMs = 1_000 * hourMs
const clock = { nowMs: () => nowMs, nowUs: () => nowMs * 1000 }

interface Sent {
  readonly key: Buffer
  readonly value: Buffer
}

function aProducer(): BusProducer & { readonly sent: Sent[] } {
  const sent: Sent[] = []
  return {
    sent,
    send: (_topic, key, records) => {
      for (const { value } of records) sent.push({ key, value })
      return Promise.resolve({ partition: 0, baseOffset: 0n })
    },
  }
}

test('what the api told the edges it finds again after a restart, and only what it signed', () => {
  const key = anApiKey()
  const state = new ControlState(key.publicKey)
  state.read(aRecord(aCredentialUpdate(), key))
  state.read(aRecord(aLockoutUpdate(), key))
  state.read(aRecord(aLockoutUpdate({ name: 'olivia' }), anApiKey()))
  state.read(aRecord({ kind: 'policy', version: 7, text: 'version: 1' }, key))
  assert.equal(state.credential('credential-1')?.user, 'agent-1')
  assert.deepEqual(
    state.lockouts.inForce.map(({ name }) => name),
    ['shop-agent'],
  )
  assert.equal(state.policyText, 'version: 1')
  assert.equal(state.newestVersion, 7)
})

test('a token is used when it was exchanged or an edge took it, until that is erased', () => {
  const key = anApiKey()
  const state = new ControlState(key.publicKey)
  const records = [
    aRecord(aCredentialUpdate({ token_id: 'exchanged' }), key),
    aRecord(aTokenUpdate('taken', nowMs), key),
  ]
  const isUsed = (): readonly boolean[] =>
    ['exchanged', 'taken', 'fresh'].map((id) => state.isUsed(id))
  for (const record of records) state.read(record)
  assert.deepEqual(isUsed(), [true, true, false])
  for (const { key: erased } of records) state.read({ key: erased, value: Buffer.alloc(0) })
  assert.deepEqual(isUsed(), [false, false, false])
})

test('versions go on rising when the clock was set back', async () => {
  const key = anApiKey()
  const state = new ControlState(key.publicKey)
  state.read(aRecord(aLockoutUpdate({ version: nowMs + 5 }), key))
  const publisher = new ControlPublisher({
    producer: aProducer(),
    sign: (message) => sign(null, message, key.privateKey),
    clock,
    state,
  })
  const { kind, subject, name, issuer, reason } = aLockoutUpdate()
  const lifted = await publisher.publish({ kind, subject, name, issuer, reason, lifted: true })
  assert.equal(lifted.version, nowMs + 6)
  assert.equal(state.lockouts.inForce.length, 0)
})

for (const [what, update, isGone] of [
  ['a credential in force', aCredentialUpdate({ expires_at: nowMs + 1 }), false],
  ['one that has just expired', aCredentialUpdate({ expires_at: nowMs - 1 }), false],
  ['one that expired an hour ago', aCredentialUpdate({ expires_at: nowMs - hourMs }), true],
  ['a revocation of today', revoked(nowMs - hourMs), false],
  ['a revocation of what must have expired', revoked(nowMs - 25 * hourMs), true],
  ['a used token that has just ended', aTokenUpdate('a', nowMs - 1), false],
  ['a used token that ended an hour ago', aTokenUpdate('a', nowMs - hourMs), true],
  ['the policy', { kind: 'policy', version: 0, text: '' }, false],
  ['a lockout in force, however old', aLockoutUpdate({ version: 0 }), false],
  [
    'a lockout lifted yesterday',
    aLockoutUpdate({ version: nowMs - 24 * hourMs, lifted: true }),
    false,
  ],
  [
    'a lockout lifted a week ago',
    aLockoutUpdate({ version: nowMs - 168 * hourMs, lifted: true }),
    true,
  ],
  [
    'the end of a session that is long over',
    aLockoutUpdate({ subject: 'session', issuer: null, version: nowMs - 25 * hourMs }),
    true,
  ],
] as const satisfies readonly (readonly [string, ControlUpdate, boolean])[]) {
  test(`${what} ${isGone ? 'is erased' : 'stays'}`, async () => {
    const key = anApiKey()
    const state = new ControlState(key.publicKey)
    const record = aRecord(update, key)
    state.read(record)
    const producer = aProducer()
    const logger = pino({ level: 'silent' })
    await using retention = new ControlRetention({ state, producer, clock, logger })
    await retention.erase()
    const expected = isGone ? [{ key: record.key, value: Buffer.alloc(0) }] : []
    assert.deepEqual(producer.sent, expected)
    await retention.erase()
    assert.equal(producer.sent.length, expected.length)
    assert.equal(state.size, isGone ? 0 : 1)
  })
}

function aTokenUpdate(tokenId: string, endMs: number): ControlUpdate {
  return { kind: 'token', version: 1, token_sha256: tokenSha256(tokenId), expires_at: endMs }
}

function revoked(version: number): ControlUpdate {
  return { kind: 'revocation', version, credential_id: 'credential-1', reason: 'left' }
}
