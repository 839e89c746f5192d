import assert from 'node:assert/strict'
import { test } from 'node:test'

import fc from 'fast-check'

import { decodeContext, encodeContext } from '../../schemas/codec.ts'
import { ownContext } from '../../schemas/event.ts'
import { KnownContexts } from '../../schemas/known-contexts.ts'

test('a context is what its bytes say, however many came before it', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 9 })), (sessions) => {
      const contexts = new KnownContexts(decodeContext, 4)
      for (const session of sessions) {
        const bytes = encodeContext({ ...ownContext('demo'), session_id: `s-${session}` })
        const within = Buffer.concat([Buffer.from('before'), bytes, Buffer.from('behind')])
        const context = contexts.of(within, 6, 6 + bytes.length)
        assert.deepEqual(context, decodeContext(bytes))
      }
    }),
  )
})

test('it is decoded once, until as many others as are kept have come', () => {
  let decoded = 0
  const contexts = new KnownContexts((bytes) => {
    decoded += 1
    return decodeContext(bytes)
  }, 2)
  const of = (tenant: string): unknown => {
    const bytes = encodeContext(ownContext(tenant))
    return contexts.of(bytes, 0, bytes.length)
  }
  const first = of('one')
  assert.equal(of('one'), first)
  assert.notEqual(of('two'), first)
  assert.equal(decoded, 2)
  of('three')
  of('one')
  assert.equal(decoded, 4)
})

test('one of many kilobytes is not kept', () => {
  let decoded = 0
  const contexts = new KnownContexts((bytes) => {
    decoded += 1
    return decodeContext(bytes)
  }, 2)
  const bytes = encodeContext(ownContext('x'.repeat(5_000)))
  contexts.of(bytes, 0, bytes.length)
  contexts.of(bytes, 0, bytes.length)
  assert.equal(decoded, 2)
})
