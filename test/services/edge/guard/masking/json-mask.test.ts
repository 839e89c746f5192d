import assert from 'node:assert/strict'
import { test } from 'node:test'

import fc from 'fast-check'

import { jsonMask } from '../../../../../services/edge/guard/masking/json-mask.ts'
import { jsonPath } from '../../../../../services/edge/guard/masking/json-path.ts'
import type { TextMaskMethod } from '../../../../../services/edge/guard/masking/mask-value.ts'

const key = Buffer.alloc(32, 1)
const hidden: TextMaskMethod = { kind: 'fixed', text: Buffer.from('hidden') }

function shown(json: string, paths: readonly string[], prefix: 0 | 1 = 0): string | null {
  const masks = paths.map((path) => ({ path, steps: jsonPath(path) ?? [], method: hidden }))
  const mask = jsonMask(masks, 'm.t.profile', key, prefix)
  const value = Buffer.concat([Buffer.alloc(prefix, 1), Buffer.from(json)])
  const out = Buffer.alloc(value.length + mask.longest)
  const end = mask.write(value, 0, value.length, out, 0)
  return end === -1 ? null : out.toString('utf8', prefix, end)
}

test('what a path leads to is masked, and everything else keeps its bytes', () => {
  const rows: readonly (readonly [json: string, path: string, shown: string])[] = [
    ['{"email": "a@b.c", "n": 1.10}', '$.email', '{"email": "hidden", "n": 1.10}'],
    [
      '{ "n":12345678901234567890, "c":{"e" :"x\\"}"} }',
      '$.c.e',
      '{ "n":12345678901234567890, "c":{"e" :"hidden"} }',
    ],
    [
      '{"p":[{"t":"1","k":[2]},{"t":3},{}]}',
      '$.p[*].t',
      '{"p":[{"t":"hidden","k":[2]},{"t":"hidden"},{}]}',
    ],
    ['["a", null, true]', '$[*]', '["hidden", null, "hidden"]'],
    ['{"\\u0065mail":"x"}', '$.email', '{"\\u0065mail":"hidden"}'],
    ['{"email":"x","email":"y"}', '$.email', '{"email":"hidden","email":"hidden"}'],
    ['{"a b":{"c":[1,{"d":"]"}]},"z":"{"}', '$."a b".c', '{"a b":{"c":null},"z":"{"}'],
    ['{"contact":null}', '$.contact.email', '{"contact":null}'],
    ['{}', '$.contact.email', '{}'],
    ['[]', '$[*].x', '[]'],
    ['null', '$.x', 'null'],
  ]
  for (const [json, path, expected] of rows) assert.equal(shown(json, [path]), expected, json)
})

test('nothing is shown of what is no JSON or has another shape than the path says', () => {
  for (const json of [
    '',
    '{',
    '{"contact":"a@b.c"}',
    '{"contact":[{"email":"x"}]}',
    '"a@b.c"',
    '7',
  ]) {
    assert.equal(shown(json, ['$.contact.email']), null, json)
  }
  assert.equal(shown('{"a":"x"}', ['$[*].a']), null)
  assert.equal(shown(`[${'"",'.repeat(2000)}""]`, ['$[*]']), null)
  const later = jsonMask([], 'm.t.profile', key, 1)
  assert.equal(later.write(Buffer.from('\u0002{}'), 0, 3, Buffer.alloc(10), 0), -1)
})

test('values inside JSON that become tokens name their key', () => {
  const steps = jsonPath('$.email') ?? []
  const keyIdOf = (method: TextMaskMethod) =>
    jsonMask([{ path: '$.email', steps, method }], 'm.t.profile', key, 0).keyId
  assert.match(keyIdOf({ kind: 'token' }) ?? '', /^[0-9a-f]{16}$/)
  assert.equal(keyIdOf(hidden), undefined)
})

test('whatever the value is, what is at the path is not in what is shown', () => {
  const other = fc.jsonValue({ maxDepth: 3 })
  fc.assert(
    fc.property(other, other, fc.string(), (before, after, name) => {
      const value = { [name]: before, secret: 'canary-0001', z: after }
      for (const json of [JSON.stringify(value), JSON.stringify(value, null, 2)]) {
        const masked = shown(json, ['$.secret'], 1)
        assert.ok(masked !== null)
        assert.deepEqual(
          JSON.parse(masked),
          JSON.parse(JSON.stringify({ ...value, secret: 'hidden' })),
        )
      }
    }),
  )
})

test('only members and all elements make a path', () => {
  for (const text of [
    '$',
    '$.',
    'email',
    '$.a[0]',
    '$..a',
    '$.a.*',
    '$.a b',
    '$."a',
    '$.a?(@.b)',
  ]) {
    assert.equal(jsonPath(text), null, text)
  }
  assert.deepEqual(jsonPath('$.a."b.c"[*]'), [{ member: 'a' }, { member: 'b.c' }, 'elements'])
})
