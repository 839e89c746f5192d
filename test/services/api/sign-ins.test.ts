import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { Actor } from '../../../schemas/event.ts'
import { SignIns } from '../../../services/api/sign-ins.ts'

const actor: Actor = {
  kind: 'human',
  subject: 'sam',
  issuer: 'https://issuer.example',
  display: null,
  groups: [],
  on_behalf_of: [],
  client: null,
  runtime: null,
}

function signIns(): { signIns: SignIns; clock: { now: number } } {
  const clock = { now: 1_000 }
  return {
    clock,
    signIns: new SignIns({ nowMs: () => clock.now, nowUs: () => clock.now * 1000 }),
  }
}

test('a sign-in is found by its id until it expires', () => {
  const { signIns: kept, clock } = signIns()
  const id = kept.add({ actor, expiresAtMs: 2_000 })
  assert.equal(kept.find(id)?.actor.subject, 'sam')
  clock.now = 2_000
  assert.equal(kept.find(id), null)
})

test('signing out ends it', () => {
  const { signIns: kept } = signIns()
  const id = kept.add({ actor, expiresAtMs: 2_000 })
  kept.remove(id)
  assert.equal(kept.find(id), null)
})

test('a pending sign-in can be finished once', () => {
  const { signIns: kept } = signIns()
  kept.begin('state', { nonce: 'n', codeVerifier: 'v', returnTo: '/', expiresAtMs: 2_000 })
  assert.equal(kept.take('state')?.nonce, 'n')
  assert.equal(kept.take('state'), null)
})

test('a flood of pending sign-ins is bounded, and the oldest go first', () => {
  const { signIns: kept } = signIns()
  for (let count = 0; count <= 1_000; count += 1) {
    kept.begin(`state-${count}`, {
      nonce: 'n',
      codeVerifier: 'v',
      returnTo: '/',
      expiresAtMs: 2_000,
    })
  }
  assert.equal(kept.take('state-0'), null)
  assert.notEqual(kept.take('state-1'), null)
})
