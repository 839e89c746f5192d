import type { Commit } from './commit.ts'
import { commitBodyBytes, commitFrameBytes, readCommit } from './commit.ts'
import { LedgerError } from '../error.ts'
import { frameAt, frameType } from './frame.ts'
import type { SealFooter } from './segment.ts'
import { readSealFooter } from './segment.ts'

/** What a walk over the frames of a segment found, up to its last valid commit. */
export interface CommittedFrames {
  readonly commits: readonly CommittedBatch[]
  /** Where the checked bytes of each committed record begin. */
  readonly starts: readonly number[]
  /** Where the last commit, or the footer behind it, ends. */
  readonly end: number
  readonly footer: SealFooter | null
}

export interface CommittedBatch {
  readonly commit: Commit
  /** The first byte after its frame. */
  readonly end: number
}

/**
 * Walks the frames of a segment from `at`, where entry `firstSeq` is expected.
 *
 * Bytes behind the last valid commit are what a crash may leave, of any form: they are not counted. A bad frame *before* a valid
 * commit is something no crash leaves, so it throws `LEDGER_CORRUPT`; as does a commit that does not fit the records before it.
 */
export function walkFrames(
  name: string,
  bytes: Buffer,
  at: number,
  firstSeq: number,
): CommittedFrames {
  const commits: CommittedBatch[] = []
  const starts: number[] = []
  let committed = 0
  let end = at
  let footer: SealFooter | null = null
  while (at < bytes.length) {
    const frame = frameAt(bytes, at)
    if (frame === null || footer !== null) break
    const body = bytes.subarray(frame.checkedStart + 1, frame.end)
    if (frame.type === frameType.record) {
      starts.push(frame.checkedStart)
    } else if (frame.type === frameType.commit) {
      const commit = readCommit(body)
      if (
        commit === null ||
        commit.firstSeq !== firstSeq + committed ||
        commit.size !== firstSeq + starts.length
      ) {
        throw corrupt(name, at, 'a commit frame does not fit the records before it')
      }
      committed = starts.length
      end = frame.end
      commits.push({ commit, end })
    } else if (frame.type === frameType.sealFooter && starts.length === committed) {
      footer = readSealFooter(body)
      if (footer === null || footer.size !== firstSeq + committed) {
        throw corrupt(name, at, 'the seal footer does not fit the entries before it')
      }
      end = frame.end
    } else {
      break
    }
    at = frame.end
  }
  if (at < bytes.length) {
    const later = findCommit(bytes, at)
    if (later !== null) {
      throw corrupt(
        name,
        at,
        `a frame is damaged, yet a valid commit follows at byte ${later}: this is no torn write`,
      )
    }
  }
  starts.length = committed
  return { commits, starts, end, footer }
}

// A damaged length hides where the next frame begins, so every byte is tried.
function findCommit(bytes: Buffer, from: number): number | null {
  const lengthBytes = Buffer.alloc(4)
  lengthBytes.writeUInt32BE(commitBodyBytes)
  const last = bytes.length - commitFrameBytes
  let at = bytes.indexOf(lengthBytes, from)
  while (at !== -1 && at <= last) {
    if (frameAt(bytes, at)?.type === frameType.commit) return at
    at = bytes.indexOf(lengthBytes, at + 1)
  }
  return null
}

function corrupt(name: string, at: number, what: string): LedgerError {
  return new LedgerError('LEDGER_CORRUPT', `${name}, byte ${at}: ${what}`)
}
