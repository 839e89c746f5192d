import { SpoolError } from './spool-error.ts'
import type { SpoolFiles } from './spool-files.ts'
import { frameAt } from './spool-frame.ts'
import type { RecoveredSpool, SpoolPosition } from './spool-recovery.ts'

/** Frames that are durable and not published: whole ones, in order. */
export interface SpoolBlock {
  readonly segment: string
  readonly from: number
  readonly to: number
  readonly parts: readonly Buffer[]
}

interface Segment {
  readonly name: string
  /** Durable bytes. */
  size: number
}

/** One block is handed out at a time, about this large. */
const blockBytes = 1 << 20

/**
 * What is durable and waits for the bus. The newest blocks are kept in memory as far as they follow what was handed out without a
 * hole and fit; the others are read from the disk again.
 */
export class SpoolQueue {
  readonly #files: SpoolFiles
  readonly #memoryBytes: number
  readonly #segments: Segment[]
  #published: SpoolPosition | null
  /** Where the next block begins: behind what was handed out. */
  #at: SpoolPosition | null
  #blocks: SpoolBlock[] = []
  #keptBytes = 0
  /** True when there is more on disk, behind `#at` and the blocks, than is kept. */
  #isBehind: boolean
  #waitingBytes = 0
  #wake = Promise.withResolvers<undefined>()

  constructor(files: SpoolFiles, recovered: RecoveredSpool, memoryBytes: number) {
    this.#files = files
    this.#memoryBytes = memoryBytes
    this.#segments = recovered.segments.map(({ name, size }) => ({ name, size }))
    this.#published = recovered.published
    const [first] = this.#segments
    this.#at = recovered.published ?? (first === undefined ? null : startOf(first))
    for (const { name, size } of this.#segments) {
      if (this.#at === null || name < this.#at.segment) continue
      this.#waitingBytes += name === this.#at.segment ? size - this.#at.offset : size
    }
    this.#isBehind = this.#waitingBytes > 0
  }

  /** Where the bus's acknowledgements have come to. */
  get publishedAt(): SpoolPosition | null {
    return this.#published
  }

  get waitingBytes(): number {
    return this.#waitingBytes
  }

  /** Bytes kept in memory. */
  get keptBytes(): number {
    return this.#keptBytes
  }

  /** Takes what has just become durable. */
  add(block: SpoolBlock): void {
    let segment = this.#segments.at(-1)
    if (segment?.name !== block.segment) {
      segment = { name: block.segment, size: 0 }
      this.#segments.push(segment)
    }
    segment.size = block.to
    const bytes = block.to - block.from
    this.#waitingBytes += bytes
    this.#at ??= { segment: block.segment, offset: block.from }
    if (!this.#isBehind && this.#keptBytes + bytes <= this.#memoryBytes) {
      this.#blocks.push(block)
      this.#keptBytes += bytes
    } else {
      this.#isBehind = true
    }
    this.wake()
  }

  /** The next frames to publish, once there are some; null when the signal has aborted (see `wake`). */
  async next(signal: AbortSignal): Promise<SpoolBlock | null> {
    while (!signal.aborted) {
      // Taken before looking: what is added meanwhile must not be slept through.
      const { promise } = this.#wake
      const block = this.#nextKept() ?? (await this.#nextRead())
      if (block !== null) return block
      await promise
    }
    return null
  }

  /** Lets `next` look again. */
  wake(): void {
    this.#wake.resolve(undefined)
    this.#wake = Promise.withResolvers<undefined>()
  }

  /** The bus has these frames. */
  markPublished(block: SpoolBlock): void {
    this.#published = { segment: block.segment, offset: block.to }
    this.#waitingBytes -= block.to - block.from
  }

  /** Segments that need not be kept, but for the one that is being written. */
  finished(current: string | null): readonly string[] {
    const at = this.#published
    if (at === null) return []
    return this.#segments
      .filter(({ name, size }) => name !== current && isBehindOf(at, name, size))
      .map(({ name }) => name)
  }

  forget(name: string): void {
    const at = this.#segments.findIndex((segment) => segment.name === name)
    if (at >= 0) this.#segments.splice(at, 1)
  }

  #nextKept(): SpoolBlock | null {
    const [first] = this.#blocks
    if (first === undefined) return null
    const parts: Buffer[] = []
    let to = first.from
    let count = 0
    for (const block of this.#blocks) {
      if (block.segment !== first.segment) break
      if (count > 0 && block.to - first.from > blockBytes) break
      parts.push(...block.parts)
      to = block.to
      count += 1
    }
    this.#blocks = this.#blocks.slice(count)
    this.#keptBytes -= to - first.from
    this.#at = { segment: first.segment, offset: to }
    return { segment: first.segment, from: first.from, to, parts }
  }

  async #nextRead(): Promise<SpoolBlock | null> {
    const at = this.#readFrom()
    if (at === null) return null
    for (let bytes = blockBytes; ; bytes *= 2) {
      const to = Math.min(at.offset + bytes, at.size)
      const read = await this.#files.read(at.segment, at.offset, to)
      let end = 0
      for (let frame = frameAt(read, 0); frame !== null; frame = frameAt(read, end)) end = frame.end
      if (end > 0) {
        this.#at = { segment: at.segment, offset: at.offset + end }
        this.#isBehind = this.#readFrom() !== null
        return {
          segment: at.segment,
          from: at.offset,
          to: at.offset + end,
          parts: [read.subarray(0, end)],
        }
      }
      if (to === at.size) {
        throw new SpoolError('SPOOL_CORRUPT', `${at.segment} is damaged at byte ${at.offset}`)
      }
    }
  }

  /** Where on disk the next frames lie; null when there are none. */
  #readFrom(): { segment: string; offset: number; size: number } | null {
    const at = this.#at
    if (at === null) return null
    for (const { name, size } of this.#segments) {
      if (name < at.segment) continue
      const offset = name === at.segment ? at.offset : 0
      if (offset < size) return { segment: name, offset, size }
    }
    return null
  }
}

function startOf(segment: Segment): SpoolPosition {
  return { segment: segment.name, offset: 0 }
}

function isBehindOf(at: SpoolPosition, name: string, size: number): boolean {
  return name < at.segment || (name === at.segment && size <= at.offset)
}
