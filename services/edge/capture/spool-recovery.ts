import { hash } from 'node:crypto'

import { decodeEvent, encodeContext } from '../../../schemas/codec.ts'
import { outlineEvent } from '../../../schemas/event-outline.ts'
import { isWorkStep, OpenWork } from './open-work.ts'
import { SpoolError } from './spool-error.ts'
import type { SpoolFiles } from './spool-files.ts'
import { frameAt } from './spool-frame.ts'
import type { SpoolFrame } from './spool-frame.ts'

/** A place in the spool. */
export interface SpoolPosition {
  readonly segment: string
  readonly offset: number
}

/** What is durable of a producer's chain. */
export interface SpoolHead {
  readonly nextSeq: number
  /** SHA-256 of the bytes of `nextSeq` - 1; zeros before the first. */
  readonly prev: Buffer
  /** What has begun and not ended before `nextSeq`. */
  readonly open: OpenWork
  /** What lies before was acknowledged by the bus; null where nothing was. */
  readonly published: SpoolPosition | null
}

/** Why the spool could not be written any more, as its last process left it. */
export interface SpoolFailure {
  readonly code: string
  /** Events that had been taken and were not on disk. */
  readonly lost: number
  readonly refused: number
  readonly unrecorded: number
}

/** What a spool knows when it opens. */
export interface RecoveredSpool extends SpoolHead {
  /** Segments with their sizes, in order; each holds whole frames only, and is durable. */
  readonly segments: readonly { readonly name: string; readonly size: number }[]
  /** Numbers below were acknowledged by the bus. */
  readonly publishedSeq: number
  readonly failure: SpoolFailure | null
  /** Bytes of a torn tail that were cut off. */
  readonly cutBytes: number
}

interface State {
  readonly version: 2
  readonly next_seq: number
  readonly prev: string
  readonly published: SpoolPosition | null
  readonly open: unknown
}

/** The text that keeps what segments that are gone would have told. */
export function stateText(head: SpoolHead): string {
  const state: State = {
    version: 2,
    next_seq: head.nextSeq,
    prev: head.prev.toString('hex'),
    published: head.published,
    open: head.open.toJson(),
  }
  return JSON.stringify(state)
}

/**
 * Reads a spool after whatever ended its process. A torn tail of the last segment is cut to its last whole frame: what it held was
 * never durable, so nobody was told that it was, and it was never published. What is kept is made durable before it counts, since its
 * process may have ended before its sync. Damage anywhere else is refused, as is the spool of another `producer`.
 */
export async function recoverSpool(
  files: SpoolFiles,
  producer: string | null = null,
): Promise<RecoveredSpool> {
  const state = parseState(await files.readState())
  const failureText = await files.readFailure()
  const chain = new FoundChain(state)
  const segments: { name: string; size: number }[] = []
  const names = [...(await files.segments())]
  // One that was made and not yet written to does not count: the one before may still end in a torn write.
  for (
    let last = names.at(-1);
    last !== undefined && (await files.size(last)) === 0;
    last = names.at(-1)
  ) {
    await files.remove(last)
    names.pop()
  }
  let cutBytes = 0
  for (const [at, name] of names.entries()) {
    const isLast = at === names.length - 1
    const bytes = await files.read(name, 0, await files.size(name))
    let end = 0
    mustBeOf(producer, name, bytes)
    for (let frame = frameAt(bytes, 0); frame !== null; frame = frameAt(bytes, end)) {
      chain.add(frame, name, end)
      end = frame.end
    }
    if (end < bytes.length) {
      if (!isLast || isBefore(name, end, state?.published ?? null)) throw damaged(name, end)
      cutBytes = bytes.length - end
      await files.truncate(name, end)
    }
    if (end === 0 && isLast) {
      await files.remove(name)
      continue
    }
    // A disk that failed may show what it does not hold.
    if (isLast && failureText !== null) await files.replace(name, bytes.subarray(0, end))
    else if (isLast) await files.sync(name)
    segments.push({ name, size: end })
  }
  const { nextSeq, prev, open } = chain
  const last = segments.at(-1)
  if (last !== undefined && chain.seenSeq !== nextSeq) throw damaged(last.name, last.size)
  return {
    nextSeq,
    prev,
    open,
    segments,
    // Also when its segment is gone: a state without it would say that the first event must still be here.
    published: state?.published ?? null,
    publishedSeq: chain.publishedSeq ?? nextSeq,
    failure: failureText === null ? null : parseFailure(failureText),
    cutBytes,
  }
}

/** The chain as the state and the segments tell it. */
class FoundChain {
  readonly #published: SpoolPosition | null
  readonly open = new OpenWork()
  nextSeq: number
  prev: Buffer
  publishedSeq: number | null = null
  /** Numbers below were seen in a segment; null when none was. */
  seenSeq: number | null = null

  constructor(state: State | null) {
    this.#published = state?.published ?? null
    this.nextSeq = state?.next_seq ?? 0
    this.prev = state === null ? Buffer.alloc(32) : Buffer.from(state.prev, 'hex')
    if (state !== null) this.open.addJson(state.open)
  }

  add({ producerSeq, value }: SpoolFrame, segment: string, offset: number): void {
    if (this.publishedSeq === null && !isBefore(segment, offset, this.#published)) {
      this.publishedSeq = producerSeq
    }
    // Before the first one only what the bus has may be gone.
    const expected = this.seenSeq ?? (this.#published === null ? 0 : producerSeq)
    if (producerSeq !== expected) throw damaged(segment, offset)
    this.seenSeq = producerSeq + 1
    // What the state covers may lie in segments that were not removed yet.
    if (producerSeq < this.nextSeq) return
    const event = decodeEvent(value)
    if (producerSeq !== this.nextSeq || !event.prev.equals(this.prev)) {
      throw damaged(segment, offset)
    }
    if (isWorkStep(event.type) && event.session_id !== null) {
      this.open.note({
        type: event.type,
        sessionId: event.session_id,
        requestId: event.request_id,
        context: encodeContext(event),
      })
    }
    this.nextSeq = producerSeq + 1
    this.prev = hash('sha256', value, 'buffer')
  }
}

/** Events of another producer would be sent under its name, and its numbers gone on with. */
function mustBeOf(producer: string | null, segment: string, bytes: Buffer): void {
  const frame = frameAt(bytes, 0)
  if (producer === null || frame === null) return
  const { producer: found } = outlineEvent(frame.value)
  if (found === producer) return
  throw new SpoolError(
    'SPOOL_FOREIGN',
    `${segment} holds events of ${found}, and this is ${producer}: it was copied from elsewhere`,
  )
}

function isBefore(segment: string, offset: number, position: SpoolPosition | null): boolean {
  if (position === null) return false
  return segment < position.segment || (segment === position.segment && offset < position.offset)
}

function damaged(segment: string, offset: number): SpoolError {
  return new SpoolError(
    'SPOOL_CORRUPT',
    `${segment} is damaged at byte ${offset}: events that were taken cannot be read any more`,
  )
}

function parseState(text: string | null): State | null {
  if (text === null) return null
  let state: Partial<State>
  try {
    state = JSON.parse(text) as Partial<State>
  } catch (cause) {
    throw new SpoolError('SPOOL_STATE_INVALID', 'the state of the spool is damaged', { cause })
  }
  if (state.version !== 2) {
    throw new SpoolError(
      'SPOOL_STATE_INVALID',
      'the state of the spool is of another version of this program',
    )
  }
  return state as State
}

/** Best effort, as it was when it was written. */
function parseFailure(text: string): SpoolFailure {
  try {
    return JSON.parse(text) as SpoolFailure
  } catch {
    return { code: 'unknown', lost: 0, refused: 0, unrecorded: 0 }
  }
}
