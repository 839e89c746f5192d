import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import * as fc from 'fast-check'
import { pino } from 'pino'
import type { ControlUpdate } from '../../../../schemas/control.ts'
import { openEmbeddedBus } from '../../../../services/bus/adapters/embedded/embedded-bus.ts'
import type { Bus } from '../../../../services/bus/bus.ts'
import { topics } from '../../../../services/bus/topics.ts'
import { ControlUpdates } from '../../../../services/edge/guard/control-updates.ts'
import { IssuedCredentials } from '../../../../services/edge/guard/issued-credentials.ts'
import { Lockouts } from '../../../../services/edge/guard/lockouts.ts'
import { PolicyInForce } from '../../../../services/edge/guard/policy-in-force.ts'
import { systemClock } from '../../../../services/runtime/clock.ts'
import { HeldRequests } from '../../../../services/edge/guard/approvals/held-requests.ts'
import { aBinding, anApprovalUpdate } from './approvals/approval-builders.ts'
import {
  aCredentialUpdate,
  aLockoutUpdate,
  anApiKey,
  aRecord,
  signedValue,
} from './control-builders.ts'
import type { ApiKey } from './control-builders.ts'
import { anInput, aPolicy, policyText } from './policy-builders.ts'

const reading = 'id: read, targets: [shop], statements: [read], outcome: allow'
const blocking = 'id: none, targets: [shop], outcome: block'

interface Setup {
  readonly key: ApiKey
  readonly credentials: IssuedCredentials
  readonly lockouts: Lockouts
  readonly policies: PolicyInForce
  readonly held: HeldRequests
  readonly updates: ControlUpdates
}

/** Where no bus is needed: `apply` alone. */
function aReceiver(bus: Bus = undefined as never): Setup {
  const key = anApiKey()
  const credentials = new IssuedCredentials({ clock: systemClock, waitMs: 0 })
  const lockouts = new Lockouts()
  const policies = new PolicyInForce(aPolicy(reading))
  const held = new HeldRequests({ edge: 'edge-1', clock: systemClock, newId: () => 'approval-1' })
  const updates = new ControlUpdates({
    bus,
    group: 'edge.edge-1.control',
    verifyKey: key.publicKey,
    credentials,
    usedTokens: null,
    lockouts,
    policies,
    held,
    logger: pino({ level: 'silent' }),
  })
  return { key, credentials, lockouts, policies, held, updates }
}

const aPolicyUpdate = (version: number, ...rules: readonly string[]): ControlUpdate => ({
  kind: 'policy',
  version,
  text: policyText(...rules),
})

test('a credential that the api signed is in force', async () => {
  const { key, credentials, updates } = aReceiver()
  assert.deepEqual(updates.apply(aRecord(aCredentialUpdate(), key)), {
    ok: true,
    kind: 'credential',
  })
  const found = await credentials.lookup('agent-1')
  assert.equal(found?.actor.on_behalf_of[0]?.subject, 'olivia')
})

test('what the api did not sign changes nothing', async () => {
  const { key, credentials, updates } = aReceiver()
  const foreign = aRecord(aCredentialUpdate(), anApiKey())
  assert.deepEqual(updates.apply(foreign), { ok: false, reason: 'bad_signature' })
  const good = aRecord(aCredentialUpdate(), key)
  const changed = Buffer.from(good.value.toString().replace('shop-agent', 'root-agent'))
  assert.deepEqual(updates.apply({ ...good, value: changed }), {
    ok: false,
    reason: 'bad_signature',
  })
  assert.equal(await credentials.lookup('agent-1'), null)
})

test('a record under the key of another one is refused', () => {
  const { key, updates } = aReceiver()
  const record = aRecord(aCredentialUpdate(), key)
  assert.deepEqual(updates.apply({ ...record, key: Buffer.from('policy') }), {
    ok: false,
    reason: 'wrong_key',
  })
})

test('a policy replaces the one in force; an older, equal or broken one does not', () => {
  const { key, policies, updates } = aReceiver()
  const seen: string[] = []
  policies.onChange((policy) => seen.push(policy.digest))
  const outcome = (update: ControlUpdate): unknown => updates.apply(aRecord(update, key))
  assert.deepEqual(outcome(aPolicyUpdate(5, blocking)), { ok: true, kind: 'policy' })
  const { digest } = policies.current
  assert.deepEqual(outcome(aPolicyUpdate(4, reading)), { ok: false, reason: 'old_version' })
  assert.deepEqual(outcome(aPolicyUpdate(5, reading)), { ok: false, reason: 'old_version' })
  assert.deepEqual(outcome({ kind: 'policy', version: 6, text: 'version: 2' }), {
    ok: false,
    reason: 'policy_invalid',
  })
  assert.equal(policies.current.digest, digest)
  assert.deepEqual(seen, [digest])
  assert.deepEqual(outcome(aPolicyUpdate(6, reading)), { ok: true, kind: 'policy' })
  assert.equal(seen.length, 2)
})

test('a grant that the api signed is taken for what was asked, and for nothing else', () => {
  const { key, held, updates } = aReceiver()
  const asked = held.ask(aBinding(), 'request-1', { expiresMs: 60_000, sizeBytes: 100 }, () => true)
  assert.equal(asked.kind, 'pending')
  const forged = aRecord(anApprovalUpdate(aBinding()), anApiKey())
  assert.deepEqual(updates.apply(forged), { ok: false, reason: 'bad_signature' })
  assert.equal(
    held.ask(aBinding(), 'request-2', { expiresMs: 60_000, sizeBytes: 100 }, () => true).kind,
    'pending',
  )
  const changed = anApprovalUpdate(aBinding({ statementSha256: 'ff'.repeat(32) }))
  assert.deepEqual(updates.apply(aRecord(changed, key)), { ok: false, reason: 'not_applied' })
  const record = aRecord(anApprovalUpdate(aBinding()), key)
  assert.deepEqual(updates.apply(record), { ok: true, kind: 'approval' })
  assert.deepEqual(updates.apply(record), { ok: false, reason: 'old_version' })
  assert.equal(
    held.ask(aBinding(), 'request-3', { expiresMs: 60_000, sizeBytes: 100 }, () => true).kind,
    'granted',
  )
  const ofAnother = anApprovalUpdate(aBinding(), { approval_id: 'approval-2' })
  assert.deepEqual(updates.apply(aRecord(ofAnother, key)), { ok: true, kind: 'approval' })
})

test('signed updates of the wrong shape are malformed', () => {
  const { key, updates } = aReceiver()
  const wrong: readonly object[] = [
    { kind: 'credential', version: 1, credential_id: 'x' },
    { kind: 'revocation', version: 1 },
    { kind: 'policy', version: '1', text: '' },
    { ...aLockoutUpdate(), subject: 'everybody' },
    { ...aLockoutUpdate(), lifted: 'no' },
    { kind: 'token', version: 1, token_sha256: 'a', expires_at: 1 },
    { kind: 'unheard-of', version: 1 },
    { ...aCredentialUpdate(), actor: null },
    { ...aCredentialUpdate(), verifier: { iterations: 1 } },
  ]
  for (const update of wrong) {
    const value = signedValue(update, key)
    assert.deepEqual(updates.apply({ key: Buffer.from('policy'), value }), {
      ok: false,
      reason: 'malformed',
    })
  }
})

test('any bytes are refused, and never thrown at', () => {
  const { updates } = aReceiver()
  fc.assert(
    fc.property(
      fc.oneof(
        fc.uint8Array(),
        fc.json().map((text) => Buffer.from(text)),
      ),
      (bytes) => {
        const outcome = updates.apply({ key: Buffer.from('policy'), value: Buffer.from(bytes) })
        assert.equal(outcome.ok, false)
      },
    ),
  )
})

test('a lockout is in force until it is lifted, and an old one that comes again changes nothing', () => {
  const { key, lockouts, updates } = aReceiver()
  const outcome = (update: ControlUpdate): unknown => updates.apply(aRecord(update, key))
  const forged = aRecord(aLockoutUpdate(), anApiKey())
  assert.deepEqual(updates.apply(forged), { ok: false, reason: 'bad_signature' })
  assert.equal(lockouts.inForce.length, 0)
  assert.deepEqual(outcome(aLockoutUpdate({ version: 1 })), { ok: true, kind: 'lockout' })
  assert.equal(lockouts.inForce.length, 1)
  assert.deepEqual(outcome(aLockoutUpdate({ version: 2, lifted: true })), {
    ok: true,
    kind: 'lockout',
  })
  assert.equal(lockouts.inForce.length, 0)
  assert.deepEqual(outcome(aLockoutUpdate({ version: 1 })), { ok: false, reason: 'old_version' })
  assert.equal(lockouts.inForce.length, 0)
})

test('a tombstone lifts nothing, since nobody signed it', () => {
  const { key, lockouts, updates } = aReceiver()
  const record = aRecord(aLockoutUpdate(), key)
  updates.apply(record)
  const erased = { key: record.key, value: Buffer.alloc(0) }
  assert.deepEqual(updates.apply(erased), { ok: false, reason: 'erased' })
  assert.equal(lockouts.inForce.length, 1)
})

async function aBus(t: TestContext): Promise<Bus> {
  const directory = await mkdtemp(join(tmpdir(), 'control-updates-'))
  const bus = await openEmbeddedBus({
    file: join(directory, 'bus.db'),
    topics: [{ name: topics.controlUpdates, partitions: 2, compacted: true }],
  })
  t.after(async () => {
    await bus[Symbol.asyncDispose]()
    await rm(directory, { recursive: true, force: true })
  })
  return bus
}

test('an edge applies everything that was published before it came, and what comes later', async (t) => {
  const bus = await aBus(t)
  const { key, credentials, lockouts, policies, updates } = aReceiver(bus)
  const publish = async (update: ControlUpdate): Promise<void> => {
    const { key: recordKey, value } = aRecord(update, key)
    await bus.producer.send(topics.controlUpdates, recordKey, [{ value, headers: {} }])
  }
  await publish(aCredentialUpdate({ user: 'early' }))
  await publish(aPolicyUpdate(1, blocking))
  await publish(aLockoutUpdate())
  const controller = new AbortController()
  const following = updates.follow(controller.signal)
  await following.caughtUp
  assert.notEqual(await credentials.lookup('early'), null)
  assert.equal(lockouts.inForce.length, 1)
  assert.equal(policies.current.decide(anInput()).outcome, 'block')
  assert.deepEqual(policies.current.decide(anInput()).ruleIds, ['none'])
  const revoked = new Promise<string>((resolve) => credentials.onRevoked(resolve))
  await publish({ kind: 'revocation', version: 2, credential_id: 'credential-1', reason: 'left' })
  assert.equal(await revoked, 'credential-1')
  controller.abort()
  await following.done
})

test('an edge is caught up with an empty topic', async (t) => {
  const { updates } = aReceiver(await aBus(t))
  const controller = new AbortController()
  const following = updates.follow(controller.signal)
  await following.caughtUp
  controller.abort()
  await following.done
})
