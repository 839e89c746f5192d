import assert from 'node:assert/strict'
import { Writable } from 'node:stream'
import { test } from 'node:test'

import * as fc from 'fast-check'

import { Outgoing } from '../../../../../services/edge/postgres/relay/outgoing.ts'

/** Takes everything that is written, and counts by how many calls of the system it would go. */
class Taken extends Writable {
  readonly #taken: Buffer[] = []
  calls = 0

  get bytes(): Buffer {
    return Buffer.concat(this.#taken)
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.calls += 1
    this.#taken.push(chunk)
    done()
  }

  override _writev(chunks: readonly { readonly chunk: Buffer }[], done: () => void): void {
    this.calls += 1
    this.#taken.push(...chunks.map(({ chunk }) => chunk))
    done()
  }
}

const chunks = fc.array(
  fc.uint8Array({ minLength: 1, maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  { minLength: 1, maxLength: 4 },
)
/** Pieces of the chunks, by where they begin and end. */
const pieces = fc.array(fc.tuple(fc.nat(3), fc.nat(200), fc.nat(200)), { maxLength: 12 })

test('what is added goes out whole and in order, by one call', () => {
  fc.assert(
    fc.property(chunks, pieces, fc.nat(2), (chunks, pieces, timesOfLarge) => {
      const outgoing = new Outgoing()
      const socket = new Taken({ highWaterMark: 1 << 20 })
      const expected: Buffer[] = []
      const add = (bytes: Buffer, start: number, end: number): void => {
        outgoing.add(bytes, start, end)
        expected.push(bytes.subarray(start, end))
      }
      for (const [place, one, other] of pieces) {
        const bytes = chunks[place % chunks.length] ?? Buffer.alloc(1)
        const ends = [one % (bytes.length + 1), other % (bytes.length + 1)].sort((a, b) => a - b)
        add(bytes, ends[0] ?? 0, ends[1] ?? 0)
      }
      for (let times = 0; times < timesOfLarge; times++) add(Buffer.alloc(20_000, times), 0, 20_000)
      const size = outgoing.size
      assert.ok(outgoing.writeTo(socket))
      assert.deepEqual(socket.bytes, Buffer.concat(expected))
      assert.equal(size, socket.bytes.length)
      assert.ok(socket.calls <= 1, `${socket.calls} calls`)
      assert.ok(outgoing.isEmpty)
    }),
  )
})

test('what was rolled back does not go out', () => {
  const outgoing = new Outgoing()
  const socket = new Taken()
  outgoing.push(Buffer.from('kept'))
  const mark = outgoing.mark()
  outgoing.push(Buffer.from('taken back'))
  outgoing.rollBack(mark)
  outgoing.push(Buffer.from(', and more'))
  outgoing.writeTo(socket)
  assert.equal(socket.bytes.toString(), 'kept, and more')
})
