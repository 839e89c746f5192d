import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CredentialUpdate } from '../../../../schemas/control.ts'
import { IssuedCredentials } from '../../../../services/edge/guard/issued-credentials.ts'
import type { IssuedCredentialsOptions } from '../../../../services/edge/guard/issued-credentials.ts'
import { aCredentialUpdate } from './control-builders.ts'

interface TestClock {
  ms: number
  nowMs(): number
  nowUs(): number
}

function aClock(): TestClock {
  return {
    ms: 1_000_000,
    nowMs() {
      return this.ms
    },
    nowUs() {
      return this.ms * 1000
    },
  }
}

function aStore(options: Partial<IssuedCredentialsOptions> = {}): IssuedCredentials {
  return new IssuedCredentials({ clock: aClock(), waitMs: 0, ...options })
}

const anUpdate = (changes: Partial<CredentialUpdate> = {}): CredentialUpdate =>
  aCredentialUpdate({ expires_at: 2_000_000, ...changes })

test('a credential is found by its user name, with all that it is bound to', async () => {
  const store = aStore()
  const update = anUpdate({ database: 'crm', purpose: 'ticket 7' })
  assert.equal(store.issue(update), 'applied')
  assert.deepEqual(await store.lookup(update.user), {
    credentialId: update.credential_id,
    means: 'session password',
    verifier: update.verifier,
    actor: update.actor,
    purpose: 'ticket 7',
    target: 'shop',
    database: 'crm',
    expiresAtMs: 2_000_000,
    isRevoked: false,
  })
  assert.equal(await store.lookup('nobody'), null)
})

test('a revocation marks the credential and tells sessions, before or after it was issued', async () => {
  const store = aStore()
  const told: string[] = []
  const stop = store.onRevoked((id) => told.push(id))
  store.issue(anUpdate({ user: 'a', credential_id: 'c-a' }))
  store.revoke({ kind: 'revocation', version: 1, credential_id: 'c-a', reason: 'left' })
  store.revoke({ kind: 'revocation', version: 2, credential_id: 'c-a', reason: 'left' })
  store.revoke({ kind: 'revocation', version: 1, credential_id: 'c-b', reason: 'left' })
  store.issue(anUpdate({ user: 'b', credential_id: 'c-b' }))
  assert.deepEqual(told, ['c-a', 'c-b'])
  assert.equal((await store.lookup('a'))?.isRevoked, true)
  assert.equal((await store.lookup('b'))?.isRevoked, true)
  stop()
  store.revoke({ kind: 'revocation', version: 1, credential_id: 'c-c', reason: 'left' })
  assert.deepEqual(told, ['c-a', 'c-b'])
})

test('a lookup waits for a credential on its way, and not for ever', async () => {
  const store = aStore({ waitMs: 10_000 })
  const both = [store.lookup('late'), store.lookup('late')]
  store.issue(anUpdate({ user: 'late' }))
  for (const found of await Promise.all(both)) assert.equal(found?.target, 'shop')
  assert.equal(await aStore({ waitMs: 5 }).lookup('never'), null)
})

test('only so many unknown names are waited for', async () => {
  const store = aStore({ waitMs: 10_000, maxWaiting: 1 })
  const waiting = store.lookup('a')
  assert.equal(await store.lookup('b'), null)
  store.issue(anUpdate({ user: 'a' }))
  assert.notEqual(await waiting, null)
})

test('the user name of a credential in force is not taken over by another one', async () => {
  const clock = aClock()
  const store = aStore({ clock })
  store.issue(anUpdate({ credential_id: 'first' }))
  assert.equal(store.issue(anUpdate({ credential_id: 'second' })), 'superseded')
  assert.equal((await store.lookup('agent-1'))?.credentialId, 'first')
  clock.ms = 2_000_001
  assert.equal(store.issue(anUpdate({ credential_id: 'third', expires_at: 3_000_000 })), 'applied')
  assert.equal((await store.lookup('agent-1'))?.credentialId, 'third')
})

test('one that has expired is not taken, and makes room when there is none', () => {
  const clock = aClock()
  const store = aStore({ clock, maxCredentials: 2 })
  assert.equal(store.issue(anUpdate({ expires_at: 1_000_000 })), 'expired')
  assert.equal(store.issue(anUpdate({ user: 'a', credential_id: 'a' })), 'applied')
  assert.equal(store.issue(anUpdate({ user: 'b', credential_id: 'b' })), 'applied')
  const third = anUpdate({ user: 'c', credential_id: 'c', expires_at: 9_000_000 })
  assert.equal(store.issue(third), 'full')
  clock.ms = 2_000_000
  assert.equal(store.issue(third), 'applied')
  assert.equal(store.size, 1)
})

test('revocations are not forgotten to make room', () => {
  const store = aStore({ maxCredentials: 2 })
  for (const id of ['x', 'y']) {
    store.revoke({ kind: 'revocation', version: 1_000_000, credential_id: id, reason: '' })
  }
  assert.equal(store.issue(anUpdate()), 'full')
})
