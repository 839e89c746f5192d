import assert from 'node:assert/strict'
import { createHash, createHmac } from 'node:crypto'
import { test } from 'node:test'

import fc from 'fast-check'

import { textMask } from '../../../../../services/edge/guard/masking/mask-value.ts'
import type { TextMaskMethod } from '../../../../../services/edge/guard/masking/mask-value.ts'

const key = Buffer.alloc(32, 7)
/** The value lies somewhere in a buffer, and so does what is shown for it; null for NULL. */
function maskText(
  value: Buffer,
  method: TextMaskMethod,
  column: string,
  with_: Buffer,
): Buffer | null {
  const around = Buffer.from('123456789')
  const bytes = Buffer.concat([around, value, around])
  const mask = textMask(method, column, with_)
  const out = Buffer.alloc(3 + mask.longest)
  const shownEnd = mask.write(bytes, 9, 9 + value.length, out, 3)
  return shownEnd < 0 ? null : out.subarray(3, shownEnd)
}

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

test('a token is an HMAC as node:crypto makes it, of long values too and one after the other', () => {
  const mask = textMask({ kind: 'token' }, 'größe.b.c', key)
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 2_000, size: 'max' }), (bytes) => {
      const out = Buffer.alloc(mask.longest)
      const end = mask.write(Buffer.from(bytes), 0, bytes.length, out, 0)
      const hmac = createHmac('sha256', key).update('größe.b.c\0').update(bytes).digest()
      assert.equal(out.toString('latin1', 0, end), `tok_${hmac.toString('base64url', 0, 16)}`)
    }),
  )
})

test('only tokens name their key, by a digest of it in a domain of its own', () => {
  const keyIdOf = (method: TextMaskMethod, with_ = key) => textMask(method, 'a.b.c', with_).keyId
  const digest = createHash('sha256').update('affidavit masking key\0').update(key).digest('hex')
  assert.equal(keyIdOf({ kind: 'token' }), digest.slice(0, 16))
  assert.notEqual(keyIdOf({ kind: 'token' }, Buffer.alloc(32, 8)), digest.slice(0, 16))
  for (const kind of ['null', 'last4'] as const) assert.equal(keyIdOf({ kind }), undefined)
})

test('of a value no more than its last four characters are shown, of a short one none', () => {
  const last4 = (value: string): string | undefined =>
    maskText(Buffer.from(value), { kind: 'last4' }, 'a.b.c', key)?.toString()
  assert.equal(last4('4111111111111111'), '****1111')
  assert.equal(last4('12345678'), '****')
  assert.equal(last4(''), '****')
  assert.equal(last4('größenwörter'), '****rter')
  assert.equal(last4('wörtergrößenäöüß'), '****äöüß')
  assert.equal(last4('12345678ä'), '****678ä')
  assert.equal(last4('🙂🙂🙂🙂🙂🙂🙂🙂'), '****')
  assert.equal(last4('🙂🙂🙂🙂🙂🙂🙂🙂🙂'), '****🙂🙂🙂🙂')
})

test('of bytes that are no UTF-8 no more is shown than four characters may take', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      const shown = maskText(Buffer.from(bytes), { kind: 'last4' }, 'a.b.c', key)
      assert.ok(shown !== null && shown.subarray(0, 4).toString() === '****')
      assert.ok(shown.length <= 20)
    }),
  )
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
