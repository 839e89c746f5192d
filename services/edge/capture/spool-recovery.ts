import { hash } from 'node:crypto'

import { decodeEvent } from '../../../schemas/codec.ts'
import { OpenWork } from './open-work.ts'
import { SpoolError } from './spool-error.ts'
import type { SpoolFiles } from './spool-files.ts'
import { frameAt } from './spool-frame.ts'

/** A place in the spool. */
export interface SpoolPosition {
  readonly segment: string
  readonly offset: number
}

/** What a spool knows when it opens. */
export interface RecoveredSpool {
  readonly nextSeq: number
  /** SHA-256 of the bytes of `nextSeq` - 1. */
  readonly prev: Buffer
  readonly open: OpenWork
  /** Segments with their sizes, in order; each holds whole frames only. */
  readonly segments: readonly { readonly name: string; readonly size: number }[]
  /** What lies before was acknowledged by the bus; null where nothing is left to publish from. */
  readonly published: SpoolPosition | null
  /** Numbers below were acknowledged by the bus. */
  readonly publishedSeq: number
}

interface SpoolState {
  readonly version: 1
  readonly next_seq: number
  readonly prev: string
  readonly published: SpoolPosition | null
  readonly open: unknown
  /** Events before this number are covered by `open`. */
  readonly covered_seq: number
}

export function stateText(
  recovered: Pick<RecoveredSpool, 'nextSeq' | 'prev' | 'open' | 'published'>,
): string {
  const state: SpoolState = {
    version: 1,
    next_seq: recovered.nextSeq,
    prev: recovered.prev.toString('hex'),
    published: recovered.published,
    open: recovered.open.toJson(),
    covered_seq: recovered.nextSeq,
  }
  return JSON.stringify(state)
}

/**
 * Reads a spool after whatever ended its process. A torn tail of the last segment is cut to its last whole frame: what it held was
 * never durable, so nobody was told that it was, and it was never published. Damage anywhere else is refused.
 */
export async function recoverSpool(files: SpoolFiles): Promise<RecoveredSpool> {
  const state = parseState(await files.readState())
  const open = new OpenWork()
  if (state !== null) open.addJson(state.open)
  let nextSeq = state?.next_seq ?? 0
  let prev: Buffer = state === null ? Buffer.alloc(32) : Buffer.from(state.prev, 'hex')
  const segments: { name: string; size: number }[] = []
  let publishedSeq: number | null = null
  const names = await files.segments()
  for (const [at, name] of names.entries()) {
    const bytes = await files.read(name, 0, await files.size(name))
    let end = 0
    for (let frame = frameAt(bytes, 0); frame !== null; frame = frameAt(bytes, end)) {
      if (publishedSeq === null && isBehind(state?.published ?? null, name, end)) {
        publishedSeq = frame.producerSeq
      }
      // What the state covers may lie in segments that were not removed yet.
      if (frame.producerSeq >= (state?.covered_seq ?? 0)) {
        open.noteFound(decodeEvent(frame.value))
        nextSeq = frame.producerSeq + 1
        prev = hash('sha256', frame.value, 'buffer')
      }
      end = frame.end
    }
    if (end < bytes.length) {
      if (at < names.length - 1) {
        throw new SpoolError(
          'SPOOL_CORRUPT',
          `${name} is damaged at byte ${end}, and later segments follow: keep the spool's directory and look into it before starting again`,
        )
      }
      await files.truncate(name, end)
    }
    if (end === 0 && at === names.length - 1) await files.remove(name)
    else segments.push({ name, size: end })
  }
  const [first] = segments
  const isKept = segments.some(({ name }) => name === state?.published?.segment)
  const published = isKept
    ? (state?.published ?? null)
    : first === undefined
      ? null
      : { segment: first.name, offset: 0 }
  return { nextSeq, prev, open, segments, published, publishedSeq: publishedSeq ?? nextSeq }
}

/** Whether this place is at or behind what was published. */
function isBehind(published: SpoolPosition | null, segment: string, offset: number): boolean {
  if (published === null || segment > published.segment) return true
  return segment === published.segment && offset >= published.offset
}

function parseState(text: string | null): SpoolState | null {
  if (text === null) return null
  let state: Partial<SpoolState>
  try {
    state = JSON.parse(text) as Partial<SpoolState>
  } catch (cause) {
    throw new SpoolError('SPOOL_STATE_INVALID', 'state.json of the spool is damaged', { cause })
  }
  if (state.version !== 1) {
    throw new SpoolError(
      'SPOOL_STATE_INVALID',
      'state.json of the spool is of another version of this program',
    )
  }
  return state as SpoolState
}
