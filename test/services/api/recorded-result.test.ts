import assert from 'node:assert/strict'
import { test } from 'node:test'

import fc from 'fast-check'

import { readableResult, readableText } from '../../../services/api/recorded-result.ts'

// Built here and not by the product's encoders, so that both cannot be wrong in the same way.
function message(type: string, body: Buffer): Buffer {
  const head = Buffer.alloc(5)
  head.write(type, 0, 'latin1')
  head.writeUInt32BE(body.length + 4, 1)
  return Buffer.concat([head, body])
}

function description(columns: readonly [string, number, number][]): Buffer {
  const parts = columns.map(([name, typeOid, format]) => {
    const rest = Buffer.alloc(18)
    rest.writeUInt32BE(typeOid, 6)
    rest.writeUInt16BE(format, 16)
    return Buffer.concat([Buffer.from(`${name}\0`), rest])
  })
  const count = Buffer.alloc(2)
  count.writeUInt16BE(columns.length)
  return message('T', Buffer.concat([count, ...parts]))
}

function row(values: readonly (Buffer | null)[]): Buffer {
  const count = Buffer.alloc(2)
  count.writeUInt16BE(values.length)
  const parts = values.map((value) => {
    const length = Buffer.alloc(4)
    length.writeInt32BE(value === null ? -1 : value.length)
    return value === null ? length : Buffer.concat([length, value])
  })
  return message('D', Buffer.concat([count, ...parts]))
}

function resultOf(content: Buffer) {
  return readableResult([{ encoding: 'postgres', content, truncated: false }])
}

test('rows are read with their columns, NULL and binary values', () => {
  const content = Buffer.concat([
    description([
      ['id', 23, 1],
      ['name', 25, 0],
      ['note', 25, 0],
    ]),
    row([Buffer.from([0, 0, 0, 7]), Buffer.from('Zoë'), null]),
  ])
  assert.deepEqual(resultOf(content), {
    results: [
      {
        columns: [
          { name: 'id', typeOid: 23 },
          { name: 'name', typeOid: 25 },
          { name: 'note', typeOid: 25 },
        ],
        rows: [['\\x00000007', 'Zoë', null]],
      },
    ],
    truncated: false,
    copy: null,
  })
})

test('the results of several statements in one text each have their own columns', () => {
  const content = Buffer.concat([
    description([['email', 25, 0]]),
    row([Buffer.from('a@example.org')]),
    description([['id', 23, 1]]),
    description([
      ['id', 23, 0],
      ['name', 25, 0],
    ]),
    row([Buffer.from('7'), Buffer.from('Zoë')]),
  ])
  assert.deepEqual(resultOf(content).results, [
    { columns: [{ name: 'email', typeOid: 25 }], rows: [['a@example.org']] },
    { columns: [{ name: 'id', typeOid: 23 }], rows: [] },
    {
      columns: [
        { name: 'id', typeOid: 23 },
        { name: 'name', typeOid: 25 },
      ],
      rows: [['7', 'Zoë']],
    },
  ])
  // Part of a result, from behind its description.
  const behind = content.subarray(description([['email', 25, 0]]).length)
  assert.deepEqual(resultOf(behind).results[0], {
    columns: [],
    rows: [['a@example.org']],
  })
})

test('content that ends within a message shows what is whole and says that it was cut', () => {
  const content = Buffer.concat([description([['a', 25, 0]]), row([Buffer.from('one')])])
  const result = resultOf(content.subarray(0, content.length - 1))
  assert.deepEqual(result.results[0]?.rows, [])
  assert.equal(result.truncated, true)
})

test('COPY data is shown as text, also beside the rows of another statement', () => {
  const copy = { encoding: 'copy', content: Buffer.from('1\tone\n'), truncated: true } as const
  assert.deepEqual(readableResult([copy]), { results: [], truncated: true, copy: '1\tone\n' })
  const content = Buffer.concat([description([['a', 25, 0]]), row([Buffer.from('one')])])
  const rows = { encoding: 'postgres', content, truncated: false } as const
  assert.deepEqual(readableResult([rows, { ...copy, truncated: false }]), {
    results: [{ columns: [{ name: 'a', typeOid: 25 }], rows: [['one']] }],
    truncated: false,
    copy: '1\tone\n',
  })
})

test('what is no plain text is shown in hex', () => {
  assert.equal(readableText(Buffer.from([0xff, 0x00])), '\\xff00')
  assert.equal(readableText(Buffer.from('\u001b[2J')), '\\x1b5b324a')
})

test('any bytes are read without failing', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (noise) => {
      resultOf(Buffer.from(noise))
      resultOf(Buffer.concat([description([['a', 25, 0]]), message('D', Buffer.from(noise))]))
    }),
  )
})
