import assert from 'node:assert/strict'
import { test } from 'node:test'

import fc from 'fast-check'

import {
  webhookHeaders,
  webhookSecretOf,
} from '../../../services/forwarder/mapping/standard-webhook.ts'

test('a message is signed as the standard says', () => {
  // What standardwebhooks 1.1.1 for JavaScript (MIT) makes of the same.
  const secret = webhookSecretOf('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLw6w')
  assert.ok(secret !== null)
  const message = { id: 'msg_p5jXN8AQM9LWM0D4loKWxJek', body: '{"test": 2432232314}' }
  assert.deepEqual(webhookHeaders(message, secret, 1_614_265_330_999), {
    'content-type': 'application/json',
    'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    'webhook-timestamp': '1614265330',
    'webhook-signature': 'v1,9nV3mp+8JSbfs9caTzCYh278QTN76dO7aU3/rrBG/vo=',
  })
})

test('a secret is what the standard calls one, and nothing else', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 24, maxLength: 64 }), (bytes) => {
      const text = `whsec_${Buffer.from(bytes).toString('base64')}`
      assert.deepEqual(webhookSecretOf(text), Buffer.from(bytes))
    }),
  )
  const short = Buffer.alloc(23).toString('base64')
  const long = Buffer.alloc(65).toString('base64')
  for (const wrong of [
    `whsec_${short}`,
    `whsec_${long}`,
    'whsec_',
    'MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLw6w',
    'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLw6',
    'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLw6w\n',
  ]) {
    assert.equal(webhookSecretOf(wrong), null, wrong)
  }
})
