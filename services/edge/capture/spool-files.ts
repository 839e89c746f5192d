import { open, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { join } from 'node:path'

/** The files of a spool, as a port: tests make each call fail. All of them are durable when they resolve, but for `append`. */
export interface SpoolFiles {
  /** Names of segments in order. */
  segments(): Promise<readonly string[]>
  /** Opens a segment to append to; makes it when it is missing. */
  append(name: string): Promise<SpoolSegment>
  read(name: string, from: number, to: number): Promise<Buffer>
  size(name: string): Promise<number>
  truncate(name: string, size: number): Promise<void>
  remove(name: string): Promise<void>
  readState(): Promise<string | null>
  writeState(text: string): Promise<void>
  /** Keeps so many bytes of the disk for bad days. Returns false when there is no room. */
  reserve(bytes: number): Promise<boolean>
  releaseReserve(): Promise<void>
}

export interface SpoolSegment extends AsyncDisposable {
  write(bytes: Buffer, position: number): Promise<void>
  sync(): Promise<void>
}

const suffix = '.spool'
const stateFile = 'state.json'
const reserveFile = 'reserve'

export function segmentName(firstSeq: number): string {
  return `${String(firstSeq).padStart(20, '0')}${suffix}`
}

/** The spool's directory, which exists. */
export function directoryFiles(directory: string): SpoolFiles {
  const path = (name: string): string => join(directory, name)
  return {
    async segments() {
      const names = await readdir(directory)
      return names.filter((name) => name.endsWith(suffix)).sort()
    },
    async append(name) {
      const handle = await open(path(name), 'a+', 0o600)
      await syncDirectory(directory)
      await handle.close()
      return openSegment(await open(path(name), 'r+'))
    },
    async read(name, from, to) {
      await using handle = await open(path(name), 'r')
      const bytes = Buffer.allocUnsafe(to - from)
      const { bytesRead } = await handle.read(bytes, 0, bytes.length, from)
      return bytes.subarray(0, bytesRead)
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
    async remove(name) {
      await rm(path(name))
      await syncDirectory(directory)
    },
    async readState() {
      try {
        return await readFile(path(stateFile), 'utf8')
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
        throw error
      }
    },
    async writeState(text) {
      const fresh = path(`${stateFile}.new`)
      {
        await using handle = await open(fresh, 'w', 0o600)
        await handle.writeFile(text)
        await handle.sync()
      }
      await rename(fresh, path(stateFile))
      await syncDirectory(directory)
    },
    async reserve(bytes) {
      try {
        // Written, not only sized: a hole would take no room.
        await writeFile(path(reserveFile), Buffer.alloc(bytes), { mode: 0o600, flush: true })
        return true
      } catch {
        await rm(path(reserveFile), { force: true })
        return false
      }
    },
    async releaseReserve() {
      await rm(path(reserveFile), { force: true })
      await syncDirectory(directory)
    },
  }
}

function openSegment(handle: FileHandle): SpoolSegment {
  return {
    async write(bytes, position) {
      let written = 0
      while (written < bytes.length) {
        const { bytesWritten } = await handle.write(
          bytes,
          written,
          bytes.length - written,
          position + written,
        )
        written += bytesWritten
      }
    },
    sync: () => handle.datasync(),
    [Symbol.asyncDispose]: () => handle.close(),
  }
}

async function syncDirectory(directory: string): Promise<void> {
  await using handle = await open(directory, 'r')
  await handle.sync()
}
