import { open, readFile } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { join } from 'node:path'

import type { CheckpointStore } from '../../storage/checkpoint-store.ts'
import { LedgerError } from '../../error.ts'
import type { SignedHead } from '../../storage/head-register.ts'
import { isMissing, replaceFile, shortName } from './durable-files.ts'

const blockBytes = 64 * 1024
/** A line holds a note of a few signatures. */
const maxLineBytes = 32 * 1024

/**
 * `checkpoints.log`, one JSON object a line, in the order of signing, and `checkpoint`, the note that is published.
 * A last line without its line feed is a write that was not finished: it does not count, and the next one is written over it.
 */
export class FileCheckpointStore implements CheckpointStore {
  readonly #directory: string
  readonly #file: string

  constructor(directory: string) {
    this.#directory = directory
    this.#file = join(directory, 'checkpoints.log')
  }

  async latest(): Promise<SignedHead | null> {
    return this.#withFile(null, async (handle, end) => {
      if (end === 0) return null
      return parseLine(await lineEndingAt(handle, end), this.#file)
    })
  }

  async append(head: SignedHead): Promise<void> {
    const line = Buffer.from(
      `${JSON.stringify({ at: head.signedAtMs, size: head.size, root: head.root.toString('base64'), checkpoint: head.checkpoint })}\n`,
    )
    const handle = await open(this.#file, 'a+', 0o644)
    try {
      const end = await completeEnd(handle)
      await handle.truncate(end)
      await handle.appendFile(line)
      await handle.sync()
    } finally {
      await handle.close()
    }
  }

  async firstSignedFrom(atMs: number): Promise<SignedHead | null> {
    return this.#withFile(null, async (handle, end) => {
      const first = await this.#lineWith(handle, end, (signedAtMs) => signedAtMs >= atMs)
      if (first === end) return null
      const firstEnd = await lineEndFrom(handle, first, end)
      const { signedAtMs } = parseLine(await lineEndingAt(handle, firstEnd), this.#file)
      const next = await this.#lineWith(handle, end, (each) => each > signedAtMs)
      return parseLine(await lineEndingAt(handle, next), this.#file)
    })
  }

  async *all(): AsyncGenerator<SignedHead> {
    let text: string
    try {
      text = await readFile(this.#file, 'utf8')
    } catch (error) {
      if (isMissing(error)) return
      throw error
    }
    const lines = text.split('\n')
    lines.pop()
    for (const line of lines) yield parseLine(line, this.#file)
  }

  async published(): Promise<string | null> {
    try {
      return await readFile(join(this.#directory, 'checkpoint'), 'utf8')
    } catch (error) {
      if (isMissing(error)) return null
      throw error
    }
  }

  publish(checkpoint: string): Promise<void> {
    return replaceFile(join(this.#directory, 'checkpoint'), checkpoint)
  }

  /** Where the first line begins whose time is so; every one behind it is, too. `end` for none. Bisects by bytes. */
  async #lineWith(
    handle: FileHandle,
    end: number,
    isSo: (signedAtMs: number) => boolean,
  ): Promise<number> {
    // `low` is always the start of a line, and no line that begins before it is so.
    let low = 0
    let high = end
    while (low < high) {
      const lineEnd = await lineEndFrom(handle, low + ((high - low) >> 1), end)
      const { signedAtMs } = parseLine(await lineEndingAt(handle, lineEnd), this.#file)
      if (isSo(signedAtMs)) high = await lineStart(handle, lineEnd)
      else low = lineEnd
    }
    return low
  }

  async #withFile<T>(
    missing: T,
    work: (handle: FileHandle, end: number) => Promise<T>,
  ): Promise<T> {
    let handle: FileHandle
    try {
      handle = await open(this.#file, 'r')
    } catch (error) {
      if (isMissing(error)) return missing
      throw error
    }
    try {
      return await work(handle, await completeEnd(handle))
    } finally {
      await handle.close()
    }
  }
}

function parseLine(line: string, file: string): SignedHead {
  try {
    const value = JSON.parse(line) as Record<string, unknown>
    const { at, size, root, checkpoint } = value
    if (
      typeof at === 'number' &&
      typeof size === 'number' &&
      typeof root === 'string' &&
      typeof checkpoint === 'string'
    ) {
      return { size, root: Buffer.from(root, 'base64'), checkpoint, signedAtMs: at }
    }
  } catch {
    // Said below.
  }
  throw new LedgerError('LEDGER_CORRUPT', `${shortName(file)}: a line is not a signed head`)
}

/** The end of the last complete line. */
async function completeEnd(handle: FileHandle): Promise<number> {
  const { size } = await handle.stat()
  return (await lastLineFeed(handle, size)) + 1
}

/** The line whose line feed is the byte before `end`. */
async function lineEndingAt(handle: FileHandle, end: number): Promise<string> {
  const start = await lineStart(handle, end)
  const bytes = Buffer.alloc(Math.min(end - 1 - start, maxLineBytes))
  await handle.read(bytes, 0, bytes.length, start)
  return bytes.toString('utf8')
}

async function lineStart(handle: FileHandle, end: number): Promise<number> {
  return (await lastLineFeed(handle, end - 1)) + 1
}

/** The end of the line in which `at` stands. */
async function lineEndFrom(handle: FileHandle, at: number, end: number): Promise<number> {
  const bytes = Buffer.alloc(blockBytes)
  while (at < end) {
    const { bytesRead } = await handle.read(bytes, 0, Math.min(blockBytes, end - at), at)
    const index = bytes.subarray(0, bytesRead).indexOf(10)
    if (index !== -1) return at + index + 1
    if (bytesRead === 0) break
    at += bytesRead
  }
  return end
}

/** Where the last line feed before `end` stands, -1 for nowhere. */
async function lastLineFeed(handle: FileHandle, end: number): Promise<number> {
  const bytes = Buffer.alloc(blockBytes)
  while (end > 0) {
    const start = Math.max(0, end - blockBytes)
    const { bytesRead } = await handle.read(bytes, 0, end - start, start)
    const index = bytes.subarray(0, bytesRead).lastIndexOf(10)
    if (index !== -1) return start + index
    end = start
  }
  return -1
}
