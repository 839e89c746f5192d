import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Lockouts } from '../../../../services/edge/guard/lockouts.ts'
import { aCredentialUpdate, aLockoutUpdate } from './control-builders.ts'

const { actor } = aCredentialUpdate()
const here = { actor, target: 'shop', sessionId: 'session-1' }

for (const [what, changes, isMet] of [
  ['the actor', {}, true],
  ['the person it acts for', { name: 'olivia' }, true],
  ['its target', { subject: 'target', name: 'shop', issuer: null }, true],
  ['its session', { subject: 'session', name: 'session-1', issuer: null }, true],
  ['the same subject of another issuer', { issuer: 'https://other.test' }, false],
  ['another actor', { name: 'other-agent' }, false],
  ['another target', { subject: 'target', name: 'bank', issuer: null }, false],
  ['another session', { subject: 'session', name: 'session-2', issuer: null }, false],
  ['a target of the name of the actor', { subject: 'target', issuer: null }, false],
] as const) {
  test(`a lockout of ${what} ${isMet ? 'meets' : 'does not meet'} a session`, () => {
    const lockouts = new Lockouts()
    const update = aLockoutUpdate(changes)
    assert.equal(lockouts.apply(update), 'applied')
    assert.equal(lockouts.find(here), isMet ? update : null)
  })
}

test('what was lifted meets nobody, and can be locked out again', () => {
  const lockouts = new Lockouts()
  let changes = 0
  const stop = lockouts.onChange(() => (changes += 1))
  lockouts.apply(aLockoutUpdate({ version: 1 }))
  lockouts.apply(aLockoutUpdate({ version: 2, lifted: true }))
  assert.equal(lockouts.find(here), null)
  assert.equal(lockouts.apply(aLockoutUpdate({ version: 2 })), 'superseded')
  lockouts.apply(aLockoutUpdate({ version: 3 }))
  assert.notEqual(lockouts.find(here), null)
  assert.equal(changes, 3)
  stop()
  lockouts.apply(aLockoutUpdate({ version: 4, lifted: true }))
  assert.equal(changes, 3)
})

test('when there are too many, what is over makes room and what is in force stays', () => {
  const lockouts = new Lockouts(2)
  lockouts.apply(aLockoutUpdate({ name: 'a', lifted: true }))
  lockouts.apply(aLockoutUpdate({ subject: 'session', name: 'session-1', issuer: null }))
  assert.equal(lockouts.apply(aLockoutUpdate({ name: 'b' })), 'applied')
  assert.equal(lockouts.apply(aLockoutUpdate({ name: 'c' })), 'applied')
  assert.equal(lockouts.apply(aLockoutUpdate({ name: 'd' })), 'full')
  assert.deepEqual(lockouts.inForce.map(({ name }) => name).toSorted(), ['b', 'c'])
})
