import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { test } from 'node:test'

const require = createRequire(import.meta.url)
type Frame = (options: object) => Promise<{ readonly buffer: Buffer; size(): number }>
interface Client {
  readonly frame: Frame
  readonly produce: (options: object) => object
}

function load(): Client {
  return {
    frame: require('kafkajs/src/protocol/request') as Frame,
    produce: require('kafkajs/src/protocol/requests/produce/v7/request') as Client['produce'],
  }
}

/** kafkajs as it is, and then anew with ours in it: modules keep what they were loaded with. */
const plain = load()
for (const name of Object.keys(require.cache))
  if (name.includes('kafkajs')) delete require.cache[name]
const { batchMessage } =
  await import('../../../../../services/bus/adapters/kafka/client-records.ts')
const { encodeBody } = await import('../../../../../services/bus/adapters/kafka/record-batch.ts')
await import('../../../../../services/bus/adapters/kafka/client-encoder.ts')
const ours = load()

test('a request is, byte for byte, what kafkajs itself would send, be its batches small or large', async (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: 1_790_000_000_000 })
  for (const sizes of [[1], [5_000, 1], [1, 4_096, 70_000, 2, 4_095], [300_000, 300_000]]) {
    const messages = sizes.map((size, at) => ({
      key: Buffer.from(`key ${at}`),
      value: Buffer.alloc(size, at),
      headers: { at: Buffer.from(String(at)) },
    }))
    const bodies = messages.map(({ key, value, headers }) => encodeBody(key, value, headers))
    const theirs = await framed(
      plain,
      [0, 1].map((partition) => ({ partition, messages })),
    )
    // One partition as we send it, one as any other user of the client does.
    const own = await framed(ours, [
      { partition: 0, messages: [batchMessage(0, bodies)] },
      { partition: 1, messages },
    ])
    assert.equal(own.size(), theirs.size())
    assert.ok(own.buffer.equals(theirs.buffer), `values of ${sizes.join(', ')} bytes`)
  }
})

function framed({ frame, produce }: Client, partitions: readonly object[]): ReturnType<Frame> {
  const topicData = [{ topic: 'a topic', partitions }]
  const request = produce({ acks: -1, timeout: 30_000, topicData })
  return frame({ request, correlationId: 7, clientId: 'test' })
}
