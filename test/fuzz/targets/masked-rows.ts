import type { MaskedColumn } from '../../../services/edge/guard/masking/classification.ts'
import type { MaskMethod } from '../../../services/edge/guard/masking/mask-value.ts'
import { answeredColumn } from '../../../services/edge/postgres/masking/answered-columns.ts'
import { RowMasker } from '../../../services/edge/postgres/masking/row-masker.ts'
import { decodeBackend, encodeBackend } from '../../../services/edge/postgres/protocol/backend.ts'
import { ProtocolError } from '../../../services/edge/postgres/protocol/error.ts'
import { backend } from '../../../services/edge/postgres/protocol/message-types.ts'
import { readAlone } from '../framed.ts'
import { expect, valueOrRefusal } from '../fuzz-target.ts'
import type { FuzzTarget } from '../fuzz-target.ts'
import { wordsOf } from '../mutate.ts'

const key = Buffer.alloc(32, 7)
const methods: readonly MaskMethod[] = [
  { kind: 'null' },
  { kind: 'fixed', text: Buffer.from('hidden') },
  { kind: 'last4' },
  { kind: 'token' },
]

/** A row of five columns, of which the last four are masked, each in its way. What is shown says nothing more of a value than it may. */
export function createTarget(): Promise<FuzzTarget> {
  const columns = methods.map((method) =>
    answeredColumn(classified(method), { typeOid: 25, format: 0 }, key),
  )
  const rowOf = (...values: readonly (string | null)[]): Buffer =>
    encodeBackend({
      type: 'data-row',
      values: values.map((value) => (value === null ? null : Buffer.from(value))),
    })
  return Promise.resolve({
    maxBytes: 1_024,
    maxMs: 100,
    seeds: [
      rowOf('7', 'a@b.c', 'a@b.c', '4111 1111 1111 1111', 'a@b.c'),
      rowOf(null, null, null, null, null),
      rowOf('', '', '', 'größenwörter', ''),
      rowOf('x'.repeat(90), '🙂', '🙂', '🙂🙂🙂🙂🙂🙂🙂🙂🙂', '🙂'.repeat(70)),
    ],
    words: wordsOf('\xff\xff\xff\xff \0\0\0\0 \0\0\0\x01 \0\x05 D \xf0\x9f\x99\x82 \x80 \xc3'),
    covers: ['services/edge/postgres/masking/', 'services/edge/guard/masking/'],
    run(input) {
      const shown = readAlone(input, (within, start, end) => {
        const slice = new RowMasker([null, ...columns]).mask(within, start, end)
        return Buffer.from(slice.bytes.subarray(slice.start, slice.end))
      })
      if ('refusal' in shown) return shown.refusal
      const given = valuesOf(input)
      const masked = valuesOf(shown.value)
      expect(masked.length === given.length, 'there are more values, or fewer')
      given.forEach((value, place) => check(value, masked[place] ?? null, place))
      return given.map((value) => (value === null ? 'null' : value.length > 8)).join(' ')
    },
  })
}

function check(value: Buffer | null, shown: Buffer | null, place: number): void {
  const text = shown?.toString('latin1') ?? null
  if (value === null) expect(shown === null, 'NULL became a value')
  else if (place === 0) expect(shown?.equals(value) === true, 'a value that is not masked changed')
  else if (place === 1) expect(shown === null, 'a value is shown')
  else if (place === 2) expect(text === 'hidden', 'a value is shown')
  else if (place === 3) expect(/^\*{4}[^]{0,16}$/.test(text ?? ''), 'more than the end is shown')
  else expect(/^tok_[\w-]{22}$/.test(text ?? ''), 'a token has another form')
}

/** Read by another decoder than the one that masks. */
function valuesOf(row: Buffer): readonly (Buffer | null)[] {
  const read = valueOrRefusal(
    () => decodeBackend(backend.dataRow, row, 0, row.length),
    ProtocolError,
  )
  expect('value' in read && read.value?.type === 'data-row', 'what was masked is no row')
  return read.value.values
}

function classified(method: MaskMethod): MaskedColumn {
  return {
    name: 'public.customers.email',
    schema: 'public',
    relation: 'customers',
    column: 'email',
    dataClass: 'email',
    method,
    isForbiddenInConditions: false,
  }
}
