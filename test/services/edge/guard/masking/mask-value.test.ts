import assert from 'node:assert/strict'
import { test } from 'node:test'

import fc from 'fast-check'

import { maskText } from '../../../../../services/edge/guard/masking/mask-value.ts'

const key = Buffer.alloc(32, 7)
const text = fc.string({ unit: 'grapheme' }).map((value) => Buffer.from(value))

test('a token is the same for the same value, and another for another value, column or key', () => {
  const token = (value: Buffer, column: string, with_ = key): string =>
    maskText(value, { kind: 'token' }, column, with_)?.toString() ?? ''
  fc.assert(
    fc.property(text, text, (one, other) => {
      assert.equal(token(one, 'a.b.c'), token(Buffer.from(one), 'a.b.c'))
      assert.match(token(one, 'a.b.c'), /^tok_[\w-]{22}$/)
      assert.equal(token(one, 'a.b.c') === token(other, 'a.b.c'), one.equals(other))
      assert.notEqual(token(one, 'a.b.c'), token(one, 'a.b.d'))
      assert.notEqual(token(one, 'a.b.c'), token(one, 'a.b.c', Buffer.alloc(32, 8)))
    }),
  )
})

test('of a value no more than its last four characters are shown, of a short one none', () => {
  const last4 = (value: string): string | undefined =>
    maskText(Buffer.from(value), { kind: 'last4' }, 'a.b.c', key)?.toString()
  assert.equal(last4('4111111111111111'), '****1111')
  assert.equal(last4('12345678'), '****')
  assert.equal(last4(''), '****')
  assert.equal(last4('größenwörter'), '****rter')
})

test('the other masks do not depend on the value', () => {
  fc.assert(
    fc.property(text, (value) => {
      assert.equal(maskText(value, { kind: 'null' }, 'a.b.c', key), null)
      const fixed = { kind: 'fixed', text: Buffer.from('hidden') } as const
      assert.deepEqual(maskText(value, fixed, 'a.b.c', key), Buffer.from('hidden'))
    }),
  )
})
