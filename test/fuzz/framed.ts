import { isDeepStrictEqual } from 'node:util'

import { ProtocolError } from '../../services/edge/postgres/protocol/error.ts'
import { Framer } from '../../services/edge/postgres/protocol/frame.ts'
import type { FrameSink } from '../../services/edge/postgres/protocol/frame.ts'
import { expect, valueOrRefusal } from './fuzz-target.ts'
import type { Read } from './fuzz-target.ts'

/** What a framer made of a stream: every message whole, also those that came in parts, and how it ended. */
export interface Framed {
  readonly messages: readonly FramedMessage[]
  /** The code of the error that ended it, or null. */
  readonly error: string | null
  readonly isAtBoundary: boolean
}

interface FramedMessage {
  readonly type: number
  readonly bytes: Buffer
  readonly isWhole: boolean
}

const limits = { maxMessageBytes: 4_096, wholeUpTo: (type: number) => (type === 0x64 ? 64 : 512) }

/** One-shot, byte by byte, at `places`, and with a sink that never takes a message at once: the framer does the same. */
export function framedInEveryWay(stream: Buffer, places: readonly number[]): Framed {
  const atOnce = framed([stream], false)
  const bytes = Array.from(stream, (_, at) => stream.subarray(at, at + 1))
  const cuts = [...places.map((place) => place % (stream.length + 1)), stream.length]
  const pieces = cuts
    .toSorted((a, b) => a - b)
    .map((end, index, ends) => stream.subarray(ends[index - 1] ?? 0, end))
  for (const [how, chunks, isReluctant] of [
    ['byte by byte', bytes, false],
    ['in pieces', pieces, false],
    ['to a sink that says not now', pieces, true],
  ] as const) {
    expect(isSame(framed(chunks, isReluctant), atOnce), `read ${how} it is another stream`)
  }
  return atOnce
}

/**
 * Runs `read` on a message twice, with other bytes around it each time. Whoever reads past the end reads something else.
 */
export function readAlone<T>(
  bytes: Buffer,
  read: (bytes: Buffer, start: number, end: number) => T,
): Read<T> {
  const between = (around: number): Buffer =>
    Buffer.concat([Buffer.alloc(16, around), bytes, Buffer.alloc(16, around)])
  const readBetween = (around: number): Read<T> =>
    valueOrRefusal(() => read(between(around), 16, 16 + bytes.length), ProtocolError)
  const value = readBetween(0)
  expect(isDeepStrictEqual(value, readBetween(0xff)), 'it depends on bytes outside of the message')
  return value
}

function framed(chunks: readonly Buffer[], isReluctant: boolean): Framed {
  const messages: FramedMessage[] = []
  const parts: Buffer[] = []
  let isOffered = false
  const takes = (): boolean => {
    isOffered = isReluctant && !isOffered
    return !isOffered
  }
  const sink: FrameSink = {
    message(type, bytes, start, end) {
      if (!takes()) return false
      messages.push({ type, bytes: Buffer.from(bytes.subarray(start, end)), isWhole: true })
      return true
    },
    part(type, bytes, start, end, { first, remaining }) {
      if (first && !takes()) return false
      expect(first === (parts.length === 0), 'a first part comes first, and only once')
      parts.push(Buffer.from(bytes.subarray(start, end)))
      if (remaining === 0) {
        messages.push({ type, bytes: Buffer.concat(parts.splice(0)), isWhole: false })
      }
      return true
    },
  }
  const framer = new Framer(limits)
  let error: string | null = null
  try {
    for (const chunk of chunks) {
      framer.push(chunk, sink)
      for (let left = chunk.length + 1; !framer.resume(sink); left--) {
        expect(left > 0, 'it offers a message again for ever')
      }
    }
  } catch (thrown) {
    if (!(thrown instanceof ProtocolError)) throw thrown
    error = thrown.code
  }
  for (const { bytes, type } of messages) {
    expect(bytes[0] === type && bytes.readUInt32BE(1) === bytes.length - 1, 'a message is cut')
  }
  // What an error left behind is nobody's.
  return { messages, error, isAtBoundary: error === null && framer.isAtBoundary }
}

function isSame(a: Framed, b: Framed): boolean {
  return (
    a.error === b.error &&
    a.isAtBoundary === b.isAtBoundary &&
    a.messages.length === b.messages.length &&
    a.messages.every(({ type, bytes, isWhole }, index) => {
      const other = b.messages[index]
      return other?.type === type && other.isWhole === isWhole && other.bytes.equals(bytes)
    })
  )
}
