import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as fc from 'fast-check'

import { ProtocolError } from '../../../../../services/edge/postgres/protocol/error.ts'
import { Framer } from '../../../../../services/edge/postgres/protocol/frame.ts'
import type {
  FrameLimits,
  FrameSink,
} from '../../../../../services/edge/postgres/protocol/frame.ts'

const limits: FrameLimits = {
  maxMessageBytes: 10_000,
  wholeUpTo: (type) => (type === 0x64 ? 20 : 200),
}

function aMessage(type: number, body: Uint8Array): Buffer {
  const message = Buffer.alloc(5 + body.length)
  message[0] = type
  message.writeUInt32BE(body.length + 4, 1)
  message.set(body, 5)
  return message
}

/** Collects messages, putting parts back together, and says "not now" to each once when asked to. */
class Collector implements FrameSink {
  readonly messages: Buffer[] = []
  readonly #stops: boolean
  #parts: Buffer[] = []
  #isOffered = false

  constructor(stops = false) {
    this.#stops = stops
  }

  message(type: number, bytes: Buffer, start: number, end: number): boolean {
    assert.equal(bytes[start], type)
    assert.ok(end - start <= limits.wholeUpTo(type))
    if (!this.#takes()) return false
    this.messages.push(Buffer.from(bytes.subarray(start, end)))
    return true
  }

  #takes(): boolean {
    this.#isOffered = this.#stops && !this.#isOffered
    return !this.#isOffered
  }

  part(
    type: number,
    bytes: Buffer,
    start: number,
    end: number,
    position: { first: boolean; remaining: number },
  ): boolean {
    assert.equal(position.first, this.#parts.length === 0)
    if (position.first) {
      assert.equal(bytes[start], type)
      if (!this.#takes()) return false
    }
    this.#parts.push(Buffer.from(bytes.subarray(start, end)))
    if (position.remaining === 0) {
      this.messages.push(Buffer.concat(this.#parts))
      this.#parts = []
    }
    return true
  }
}

const someMessages = fc.array(
  fc
    .tuple(fc.constantFrom(0x51, 0x64, 0x44), fc.uint8Array({ maxLength: 400 }))
    .map(([type, body]) => aMessage(type, body)),
  { minLength: 1, maxLength: 8 },
)

function pushAll(framer: Framer, sink: FrameSink, chunks: readonly Buffer[]): void {
  for (const chunk of chunks) {
    let isDone = framer.push(chunk, sink)
    while (!isDone) isDone = framer.resume(sink)
  }
}

function cut(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const at = [0, ...[...cuts].sort((a, b) => a - b), bytes.length]
  return at.slice(1).map((end, index) => bytes.subarray(at[index], end))
}

test('messages come out whole however the input is cut, with and without stops', () => {
  fc.assert(
    fc.property(
      someMessages,
      fc.array(fc.nat({ max: 3_000 }), { maxLength: 12 }),
      fc.boolean(),
      (messages, cuts, stops) => {
        const bytes = Buffer.concat(messages)
        const framer = new Framer(limits)
        const sink = new Collector(stops)
        const within = cuts.map((cut) => cut % (bytes.length + 1))
        pushAll(framer, sink, cut(bytes, within))
        assert.deepEqual(sink.messages, messages)
        assert.ok(framer.isAtBoundary)
      },
    ),
  )
})

test('input split at every byte gives the same messages', () => {
  const messages = [
    aMessage(0x51, Buffer.from('select 1\0')),
    aMessage(0x53, Buffer.alloc(0)),
    aMessage(0x64, Buffer.alloc(300, 1)),
    aMessage(0x44, Buffer.alloc(100, 2)),
  ]
  const bytes = Buffer.concat(messages)
  const sink = new Collector()
  pushAll(
    new Framer(limits),
    sink,
    [...bytes].map((byte) => Buffer.of(byte)),
  )
  assert.deepEqual(sink.messages, messages)
})

test('a whole chunk is handed over without a copy', () => {
  const chunk = aMessage(0x51, Buffer.from('select 1\0'))
  let seen: Buffer | null = null
  new Framer(limits).push(chunk, {
    message: (_type, bytes) => {
      seen = bytes
      return true
    },
    part: () => assert.fail('not in parts'),
  })
  assert.equal(seen, chunk)
})

test('a stopped framer keeps what came after and what comes later, in order', () => {
  const framer = new Framer(limits)
  const sink = new Collector(true)
  const [a, b, c] = [1, 2, 3].map((n) => aMessage(0x51, Buffer.of(n))) as [Buffer, Buffer, Buffer]
  assert.equal(framer.push(Buffer.concat([a, b.subarray(0, 3)]), sink), false)
  assert.equal(framer.push(Buffer.concat([b.subarray(3), c]), sink), false)
  assert.deepEqual(sink.messages, [])
  assert.equal(framer.unreadBytes, a.length + b.length + c.length)
  assert.equal(framer.resume(sink), false)
  assert.deepEqual(sink.messages, [a])
  assert.equal(framer.resume(sink), false)
  assert.equal(framer.resume(sink), true)
  assert.deepEqual(sink.messages, [a, b, c])
})

test('lengths below 4 and over the limit are protocol errors, split or not', () => {
  for (const length of [0, 1, 2, 3, 10_000, 0x7fffffff, 0xffffffff]) {
    const header = Buffer.alloc(5, 0x51)
    header.writeUInt32BE(length, 1)
    const read = (chunks: Buffer[]) => () => {
      pushAll(new Framer(limits), new Collector(), chunks)
    }
    assert.throws(read([header]), ProtocolError)
    assert.throws(read([...header].map((byte) => Buffer.of(byte))), ProtocolError)
  }
})

test('random bytes give messages or a protocol error, never another fault', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 64 }), { maxLength: 6 }), (chunks) => {
      try {
        pushAll(
          new Framer(limits),
          new Collector(),
          chunks.map((chunk) => Buffer.from(chunk)),
        )
      } catch (error) {
        assert.ok(error instanceof ProtocolError)
      }
    }),
  )
})
