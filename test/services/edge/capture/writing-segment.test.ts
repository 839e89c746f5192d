import assert from 'node:assert/strict'
import { test } from 'node:test'

import { WritingSegment } from '../../../../services/edge/capture/writing-segment.ts'

/** A file in memory whose syncs end when the test says so. */
class MemorySegment {
  bytes = Buffer.alloc(0)
  end = Promise.withResolvers<undefined>()

  write(bytes: Buffer, position: number): void {
    this.bytes = Buffer.concat([this.bytes.subarray(0, position), bytes])
  }

  async sync(): Promise<void> {
    await this.end.promise
    this.end = Promise.withResolvers<undefined>()
  }

  syncNow(): void {
    // Memory is as durable as it gets here.
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // There is nothing to close.
  }
}

const chunk = Buffer.from('abcdefghij')
const textOf = (parts: readonly Buffer[]): string[] => parts.map((part) => part.toString())

test('a sync covers what was written before it; neighbours in memory are one part', async () => {
  const file = new MemorySegment()
  const segment = new WritingSegment('s', file)
  segment.write(chunk.subarray(0, 2))
  segment.write(chunk.subarray(2, 4))
  segment.write(chunk.subarray(5, 6))
  const syncing = segment.sync()
  segment.write(chunk.subarray(6, 8))
  file.end.resolve(undefined)
  const first = await syncing
  assert.deepEqual([first.from, first.to, textOf(first.parts)], [0, 5, ['abcd', 'f']])
  assert.equal(segment.size, 5)
  const second = segment.syncNow()
  assert.deepEqual([second.from, second.to, textOf(second.parts)], [5, 7, ['gh']])
  assert.equal(file.bytes.toString(), 'abcdfgh')
})

test('what is taken back is written again behind what a sync holds', async () => {
  const file = new MemorySegment()
  const segment = new WritingSegment('s', file)
  segment.write(chunk.subarray(0, 2))
  const syncing = segment.sync()
  segment.write(chunk.subarray(4, 6))
  assert.deepEqual(textOf(segment.takeBack()), ['ef'])
  segment.write(chunk.subarray(8, 10))
  file.end.resolve(undefined)
  await syncing
  assert.equal(segment.size, 2)
  assert.equal(file.bytes.toString(), 'abij')
})

test('after a sync that failed everything behind the last that did not can be taken back, in order', async () => {
  const file = new MemorySegment()
  const segment = new WritingSegment('s', file)
  segment.write(chunk.subarray(0, 2))
  segment.syncNow()
  segment.write(chunk.subarray(3, 4))
  const syncing = segment.sync()
  segment.write(chunk.subarray(6, 7))
  file.end.reject(new Error('no room'))
  await assert.rejects(syncing)
  assert.deepEqual(textOf(segment.takeBack()), ['d', 'g'])
  assert.equal(segment.size, 2)
})
