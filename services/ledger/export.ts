import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

import { LedgerError } from './error.ts'
import type { StorageReader } from './ledger-reader.ts'
import { logContent } from './log/log-content.ts'
import { logFiles } from './proof/c2sp-files.ts'

/**
 * Writes one log at its newest signed checkpoint as C2SP tlog-tiles files: `checkpoint`, `tile/…`, and beside them `log.vkey`
 * and `genesis.json`, the record whose hash entry 0 names.
 * The directory must not exist; it appears whole or not at all. Returns the size.
 */
export async function exportC2sp(
  reader: StorageReader,
  origin: string,
  directory: string,
): Promise<number> {
  const { size, checkpoint, vkey } = await reader.head(origin)
  const { storage, hash } = await reader.log(origin)
  const fresh = `${directory}.partial`
  // Left by an export that was broken off.
  await rm(fresh, { recursive: true, force: true })
  await mkdir(fresh, { recursive: true })
  const files = logFiles({ checkpoint, ...logContent(storage, size, hash) })
  for await (const { path, bytes } of files) {
    const file = join(fresh, path)
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, bytes)
  }
  await writeFile(join(fresh, 'log.vkey'), vkey)
  await writeFile(join(fresh, 'genesis.json'), storage.genesis)
  try {
    await rename(fresh, directory)
  } catch (cause) {
    await rm(fresh, { recursive: true, force: true })
    if (!isThere(cause)) throw cause
    throw new LedgerError(
      'LEDGER_EXISTS',
      `${directory} exists already: move it away, or export to another directory`,
    )
  }
  return size
}

function isThere(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException
  return code === 'ENOTEMPTY' || code === 'EEXIST' || code === 'ENOTDIR'
}
