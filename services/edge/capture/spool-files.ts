import { fdatasyncSync, writeSync } from 'node:fs'
import { constants, open, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { join } from 'node:path'

import { readSlots, takeSlots, writeSlot } from './state-slots.ts'

/** The files of a spool, as a port: tests make each call fail. All calls are durable when they resolve, but for a segment's `write`. */
export interface SpoolFiles {
  /** Names of segments in order. */
  segments(): Promise<readonly string[]>
  /** Makes an empty segment. */
  create(name: string): Promise<SpoolSegment>
  /** Makes durable what was written before, by whomever. */
  sync(name: string): Promise<void>
  read(name: string, from: number, to: number): Promise<Buffer>
  size(name: string): Promise<number>
  truncate(name: string, size: number): Promise<void>
  /** Writes a segment anew, elsewhere on the disk. */
  replace(name: string, bytes: Buffer): Promise<void>
  remove(name: string): Promise<void>
  readState(): Promise<string | null>
  /** Needs no room on the disk as long as the text is short. */
  writeState(text: string): Promise<void>
  /** Keeps so many bytes of the disk for bad days. Returns false when there is no room. */
  reserve(bytes: number): Promise<boolean>
  releaseReserve(): Promise<void>
  /** Why the spool could not be written any more; null when it was not so. */
  readFailure(): Promise<string | null>
  writeFailure(text: string): Promise<void>
  clearFailure(): Promise<void>
}

export interface SpoolSegment extends AsyncDisposable {
  /** To the system's memory, which takes microseconds: what was written outlives this process. When it throws, part may be written. */
  write(bytes: Buffer, position: number): void
  sync(): Promise<void>
  /** Blocks the process until the disk has answered. */
  syncNow(): void
}

const suffix = '.spool'

export function segmentName(firstSeq: number): string {
  return `${String(firstSeq).padStart(16, '0')}${suffix}`
}

/** The spool's directory, which exists. One process at a time may have it. */
export function directoryFiles(directory: string): SpoolFiles {
  const path = (name: string): string => join(directory, name)
  const slots = [path('state.0'), path('state.1')] as const
  let generation = 0
  return {
    async segments() {
      const names = await readdir(directory)
      return names.filter((name) => name.endsWith(suffix)).sort()
    },
    async create(name) {
      const flags = constants.O_RDWR | constants.O_CREAT | constants.O_TRUNC
      const handle = await open(path(name), flags, 0o600)
      try {
        await syncDirectory(directory)
      } catch (error) {
        await handle.close()
        throw error
      }
      return openSegment(handle)
    },
    async sync(name) {
      await using handle = await open(path(name), 'r+')
      await handle.sync()
    },
    async read(name, from, to) {
      await using handle = await open(path(name), 'r')
      const bytes = Buffer.allocUnsafe(to - from)
      let end = 0
      while (end < bytes.length) {
        const { bytesRead } = await handle.read(bytes, end, bytes.length - end, from + end)
        if (bytesRead === 0) break
        end += bytesRead
      }
      return bytes.subarray(0, end)
    },
    async size(name) {
      await using handle = await open(path(name), 'r')
      return (await handle.stat()).size
    },
    async truncate(name, size) {
      await using handle = await open(path(name), 'r+')
      await handle.truncate(size)
      await handle.sync()
    },
    async replace(name, bytes) {
      const fresh = path(`${name}.new`)
      await writeFile(fresh, bytes, { mode: 0o600, flush: true })
      await rename(fresh, path(name))
      await syncDirectory(directory)
    },
    async remove(name) {
      await rm(path(name))
      await syncDirectory(directory)
    },
    async readState() {
      const slot = await readSlots(slots)
      generation = slot?.generation ?? 0
      return slot?.text ?? null
    },
    async writeState(text) {
      // Counted only then: after a failed write the other slot holds the text before, and is not the next to be written.
      await writeSlot(slots, { generation: generation + 1, text })
      generation += 1
    },
    async reserve(bytes) {
      try {
        await takeSlots(slots)
        // Written, not only sized: a hole would take no room.
        await writeFile(path('reserve'), Buffer.alloc(bytes), { mode: 0o600, flush: true })
        await syncDirectory(directory)
        return true
      } catch {
        await rm(path('reserve'), { force: true })
        return false
      }
    },
    async releaseReserve() {
      await rm(path('reserve'), { force: true })
      await syncDirectory(directory)
    },
    async readFailure() {
      try {
        return await readFile(path('failure'), 'utf8')
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
        throw error
      }
    },
    async writeFailure(text) {
      await writeFile(path('failure'), text, { mode: 0o600, flush: true })
      await syncDirectory(directory)
    },
    async clearFailure() {
      await rm(path('failure'), { force: true })
      await syncDirectory(directory)
    },
  }
}

function openSegment(handle: FileHandle): SpoolSegment {
  return {
    write(bytes, position) {
      let written = 0
      while (written < bytes.length) {
        const left = bytes.length - written
        written += writeSync(handle.fd, bytes, written, left, position + written)
      }
    },
    sync: () => handle.datasync(),
    syncNow: () => {
      fdatasyncSync(handle.fd)
    },
    [Symbol.asyncDispose]: () => handle.close(),
  }
}

async function syncDirectory(directory: string): Promise<void> {
  await using handle = await open(directory, 'r')
  await handle.sync()
}
