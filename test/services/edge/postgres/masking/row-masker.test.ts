import assert from 'node:assert/strict'
import { test } from 'node:test'

import fc from 'fast-check'

import type { MaskedColumn } from '../../../../../services/edge/guard/masking/classification.ts'
import { RowMasker } from '../../../../../services/edge/postgres/masking/row-masker.ts'
import {
  decodeBackend,
  encodeBackend,
} from '../../../../../services/edge/postgres/protocol/backend.ts'
import { backend } from '../../../../../services/edge/postgres/protocol/message-types.ts'

const key = Buffer.alloc(32, 1)
const email: MaskedColumn = {
  name: 'public.customers.email',
  schema: 'public',
  relation: 'customers',
  column: 'email',
  dataClass: 'email',
  method: { kind: 'fixed', text: Buffer.from('hidden') },
  isForbiddenInConditions: false,
}
const values = fc.array(
  fc.option(fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes))),
  {
    maxLength: 6,
  },
)

test('masked columns are replaced, others stay byte for byte, and NULL stays NULL', () => {
  fc.assert(
    fc.property(values, fc.infiniteStream(fc.boolean()), fc.nat(30), (row, flags, before) => {
      const columns = row.map(() => ({
        typeOid: 25,
        mask: flags.next().value === true ? email : null,
      }))
      const message = encodeBackend({ type: 'data-row', values: row })
      const bytes = Buffer.concat([Buffer.alloc(before), message, Buffer.alloc(3)])
      const counts = new Map<string, number>()
      const masker = new RowMasker(columns, key, counts)
      const masked = masker.mask(bytes, before, before + message.length)
      const expected = row.map((value, place) =>
        value === null || columns[place]?.mask === null ? value : Buffer.from('hidden'),
      )
      if (columns.every(({ mask }) => mask === null)) {
        assert.equal(masked, null)
        return
      }
      assert.ok(masked)
      assert.deepEqual(decodeBackend(backend.dataRow, masked, 0, masked.length), {
        type: 'data-row',
        values: expected,
      })
      const hidden = expected.filter((value) => value?.toString() === 'hidden').length
      assert.ok((counts.get('email') ?? 0) <= hidden)
    }),
  )
})

test('a value of another type than text becomes NULL', () => {
  const masker = new RowMasker([{ typeOid: 23, mask: email }], key, new Map())
  const message = encodeBackend({ type: 'data-row', values: [Buffer.from('42')] })
  const masked = masker.mask(message, 0, message.length)
  assert.ok(masked)
  assert.deepEqual(decodeBackend(backend.dataRow, masked, 0, masked.length), {
    type: 'data-row',
    values: [null],
  })
})

test('a row that does not fit its description is refused, whatever its bytes are', () => {
  const masker = new RowMasker([{ typeOid: 25, mask: email }], key, new Map())
  const two = encodeBackend({ type: 'data-row', values: [null, null] })
  assert.throws(() => masker.mask(two, 0, two.length), { code: 'MESSAGE_MALFORMED' })
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 5, maxLength: 60 }), (noise) => {
      const bytes = Buffer.from(noise)
      try {
        const masked = masker.mask(bytes, 0, bytes.length)
        assert.ok(masked !== null && decodeBackend(backend.dataRow, masked, 0, masked.length))
      } catch (error) {
        assert.equal((error as { code?: string }).code, 'MESSAGE_MALFORMED')
      }
    }),
  )
})
