import assert from 'node:assert/strict'
import { test } from 'node:test'

import fc from 'fast-check'

import type { MaskedColumn } from '../../../../../services/edge/guard/masking/classification.ts'
import { answeredColumn } from '../../../../../services/edge/postgres/masking/answered-columns.ts'
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
      const columns = row.map(() =>
        flags.next().value === true ? answeredColumn(email, { typeOid: 25, format: 0 }, key) : null,
      )
      const message = encodeBackend({ type: 'data-row', values: row })
      const bytes = Buffer.concat([Buffer.alloc(before), message, Buffer.alloc(3)])
      const masker = new RowMasker(columns)
      const masked = masker.mask(bytes, before, before + message.length)
      const expected = row.map((value, place) =>
        value === null || columns[place] === null ? value : Buffer.from('hidden'),
      )
      assert.deepEqual(decodeBackend(backend.dataRow, masked.bytes, masked.start, masked.end), {
        type: 'data-row',
        values: expected,
      })
      const counts = masker.countsWith(new Map())
      const hidden = expected.filter((value) => value?.toString() === 'hidden').length
      assert.ok((counts.get('email') ?? 0) <= hidden)
    }),
  )
})

test('rows of one answer lie behind each other, and what was lent stays as it was', () => {
  const masker = new RowMasker([null, answeredColumn(email, { typeOid: 25, format: 0 }, key)])
  const rowOf = (value: string): Buffer =>
    encodeBackend({ type: 'data-row', values: [Buffer.from(value), Buffer.from('a@b.c')] })
  const rows = Array.from({ length: 5_000 }, (_, index) => rowOf(`row ${index}`))
  const masked = rows.map((row) => masker.mask(row, 0, row.length))
  masked.forEach((row, index) => {
    assert.deepEqual(decodeBackend(backend.dataRow, row.bytes, row.start, row.end), {
      type: 'data-row',
      values: [Buffer.from(`row ${index}`), Buffer.from('hidden')],
    })
  })
  const buffers = new Set(masked.map((row) => row.bytes))
  assert.ok(buffers.size < 10, `${buffers.size} buffers`)
})

test('a value of another type than text becomes NULL', () => {
  const masker = new RowMasker([answeredColumn(email, { typeOid: 23, format: 0 }, key)])
  const message = encodeBackend({ type: 'data-row', values: [Buffer.from('42')] })
  const masked = masker.mask(message, 0, message.length)
  assert.deepEqual(decodeBackend(backend.dataRow, masked.bytes, masked.start, masked.end), {
    type: 'data-row',
    values: [null],
  })
})

test('a row that does not fit its description is refused, whatever its bytes are', () => {
  const masker = new RowMasker([answeredColumn(email, { typeOid: 25, format: 0 }, key)])
  const two = encodeBackend({ type: 'data-row', values: [null, null] })
  assert.throws(() => masker.mask(two, 0, two.length), { code: 'MESSAGE_MALFORMED' })
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 5, maxLength: 60 }), (noise) => {
      const bytes = Buffer.from(noise)
      try {
        const masked = masker.mask(bytes, 0, bytes.length)
        assert.ok(decodeBackend(backend.dataRow, masked.bytes, masked.start, masked.end))
      } catch (error) {
        assert.equal((error as { code?: string }).code, 'MESSAGE_MALFORMED')
      }
    }),
  )
})
