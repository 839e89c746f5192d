import assert from 'node:assert/strict'
import { test } from 'node:test'

import fc from 'fast-check'

import {
  DetectingMask,
  findingsIn,
} from '../../../../../services/edge/guard/masking/detecting-mask.ts'
import type { DetectorName } from '../../../../../services/edge/guard/masking/detectors/detector.ts'

const all: readonly DetectorName[] = ['card', 'email', 'iban', 'jwt', 'key', 'national-id', 'phone']

function masked(text: string, names = all): { readonly shown: string; readonly found: string } {
  const mask = new DetectingMask(names)
  const value = Buffer.from(text)
  const out = Buffer.alloc(value.length)
  const end = mask.write(value, 0, value.length, out, 0)
  return { shown: out.toString('utf8', 0, end), found: mask.found.join(',') }
}

const jwt = `${Buffer.from('{"alg":"HS256"}').toString('base64url')}.${Buffer.from('{"sub":"a"}').toString('base64url')}.c2ln`

const parts: readonly (readonly [found: DetectorName, part: string])[] = [
  ['card', '4111111111111111'],
  ['card', '4111 1111 1111 1111'],
  ['card', '4111-1111-1111-1111'],
  ['card', '3782 822463 10005'],
  ['card', '5555555555554444'],
  ['card', '30569309025904'],
  ['email', 'bob@example.com'],
  ['email', "o'neil+shop_1@mail.example.co.uk"],
  ['email', 'jürgen@größe.example'],
  ['iban', 'DE89370400440532013000'],
  ['iban', 'GB82 WEST 1234 5698 7654 32'],
  ['iban', 'fr1420041010050500013m02606'],
  ['jwt', jwt],
  ['key', `AKIA${'ABCDEFGH'.repeat(2)}`],
  ['key', `AIza${'abcde_-'.repeat(5)}`],
  ['key', `ghp_${'a1B2'.repeat(9)}`],
  ['key', `github_pat_${'a1B2_'.repeat(9)}`],
  ['key', '-----BEGIN RSA PRIVATE KEY-----\nabc=\n-----END RSA PRIVATE KEY-----'],
  ['national-id', '111.444.777-35'],
  ['national-id', '11144477735'],
  ['national-id', '943 476 5919'],
  ['national-id', '2341 2341 2346'],
  ['national-id', '86095742719'],
  ['national-id', '12345678Z'],
  ['national-id', 'X1234567L'],
  ['national-id', '44051401359'],
  ['national-id', '255081416802538'],
  ['phone', '+49 30 23125000'],
  ['phone', '+14155550132'],
  ['phone', '(415) 555-0132'],
  ['phone', '415-555-0132'],
  ['phone', '0171 1234567'],
  ['phone', '(030) 123 45 67'],
]

test('what is found is replaced, and the text around it stays', () => {
  for (const [name, part] of parts) {
    for (const [before, after] of [
      ['', ''],
      ['Write to <', '> today.'],
      ['Straße: ', ', größer'],
      ['编号：', '。'],
      ['a "', '"'],
    ] as const) {
      // An address takes letters of every script.
      if (name === 'email' && before.startsWith('编')) continue
      assert.deepEqual(
        masked(`${before}${part}${after}`),
        { shown: `${before}****${after}`, found: name },
        part,
      )
    }
    assert.equal(
      masked(
        part,
        all.filter((each) => each !== name),
      ).found.includes(name),
      false,
    )
  }
})

test('several in one text, each counted', () => {
  assert.deepEqual(masked('bob@example.com, 4111111111111111 and eve@example.org.'), {
    shown: '****, **** and ****.',
    found: 'email,card,email',
  })
})

test('what only looks alike stays', () => {
  for (const text of [
    'order 4111111111111112',
    'id 41111111111111111111111',
    'x4111111111111111',
    '9999999999999995',
    '12345678-1234-4123-8123-123456789012',
    '550e8400-e29b-41d4-a716-446655440000',
    '2026-11-29 14:22:05.123456',
    '29.11.2026',
    '192.168.100.200',
    'version 10.12.3-4',
    '3.14159265358979',
    'EUR 1,234,567.89',
    'DE89370400440532013001',
    'XX89370400440532013000',
    'a@b',
    'user@localhost',
    'see @alice',
    'x@1.2',
    'AKIAshort',
    `ghp_${'a'.repeat(10)}`,
    'eyJhbGciOiJub25lIn0',
    'eyJub3QiOiJhbGcifQ.e30.c2ln',
    '-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----',
    '12345678A',
    '143 476 5918',
    '2341 2341 2347',
    '11111111111',
    '0123456789',
    '1764425000000',
    'SKU 100-200-3000',
    '',
  ]) {
    assert.deepEqual(masked(text), { shown: text, found: '' })
  }
})

const word = fc.constantFrom(
  ...parts.map(([, part]) => part),

  'a',
  '@',
  '.',
  '-',
  ' ',
  '+',
  '(',
  ')',
  '0',
  '4',
  'eyJ',
  'AKIA',
  '-----BEGIN ',
  'PRIVATE KEY-----',
  'ü',
)

test('findings are in order, without overlaps, and longer than the stars', () => {
  fc.assert(
    fc.property(fc.array(word, { maxLength: 40 }), (words) => {
      const text = Buffer.from(words.join(''))
      let behind = 0
      for (const { start, end } of findingsIn(text, 0, text.length, new Set(all))) {
        assert.ok(start >= behind && end - start > 4 && end <= text.length)
        behind = end
      }
    }),
  )
})

test('a text takes linear time, whatever is in it', () => {
  const size = 512 * 1024
  for (const unit of [
    'a@',
    'a.',
    '1 ',
    '4111 ',
    '0-',
    '+1',
    '(1',
    'eyJ.',
    'eyJhbGciOiJub25lIn0.',
    '-----BEGIN ',
    '-',
    'é',
    'DE89 ',
    'ghp_',
    'a',
    '1',
    "'",
    '-----BEGIN PRIVATE KEY-----x ',
  ]) {
    const text = Buffer.from(unit.repeat(Math.ceil(size / unit.length)))
    const startedMs = process.cpuUsage().user / 1000
    for (const finding of findingsIn(text, 0, text.length, new Set(all))) assert.ok(finding.end > 0)
    const tookMs = process.cpuUsage().user / 1000 - startedMs
    assert.ok(tookMs < 3_000, `${unit}: ${tookMs} ms`)
  }
})

test('a text over the limit shows nothing', () => {
  const mask = new DetectingMask(all)
  const value = Buffer.alloc(1024 * 1024 + 1, 'a')
  assert.equal(mask.write(value, 0, value.length, Buffer.alloc(value.length), 0), -1)
})
