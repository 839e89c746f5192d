import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Namespace } from '../../../../../services/edge/postgres/statements/namespace.ts'

test('a declaration that the target refuses leaves what was there', () => {
  const names = new Namespace<string>()
  names.settle(names.declare('s', 'old', 0))
  const second = names.declare('s', 'new', 1)
  assert.equal(names.get('s'), 'new')
  names.revert(second)
  assert.equal(names.get('s'), 'old')
})

test('of several declarations in flight each is settled or refused for itself', () => {
  const names = new Namespace<string>()
  const first = names.declare('', 'a', 0)
  const second = names.declare('', 'b', 0)
  const third = names.declare('', 'c', 0)
  names.settle(first)
  names.revert(second)
  assert.equal(names.get(''), 'c')
  names.revert(third)
  assert.equal(names.get(''), 'a')
})

test('a name is uncertain from the next batch on, until the target has answered', () => {
  const names = new Namespace<string>()
  const declared = names.declare('s', 'a', 3)
  assert.equal(names.isUncertain('s', 3), false)
  assert.equal(names.isUncertain('s', 4), true)
  names.settle(declared)
  assert.equal(names.isUncertain('s', 4), false)
})

test('a drop counts at once and comes back when it was skipped', () => {
  const names = new Namespace<string>()
  names.settle(names.declare('s', 'a', 0))
  const dropped = names.declare('s', null, 1)
  assert.equal(names.get('s'), null)
  names.revert(dropped)
  assert.equal(names.get('s'), 'a')
  names.settle(names.declare('s', null, 2))
  assert.equal(names.size, 0)
})

test('the end of a transaction takes what was declared before it and not after', () => {
  const names = new Namespace<string>()
  names.settle(names.declare('old', 'a', 0))
  names.declare('new', 'b', 1)
  names.endTransaction(0)
  assert.deepEqual([names.get('old'), names.get('new')], [null, 'b'])
})
