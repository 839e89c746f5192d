import { open, rename } from 'node:fs/promises'
import { basename, dirname } from 'node:path'

/** Makes names of a directory durable: after a file in it was made, renamed or removed. */
export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Replaces a file: readers see the old or the new content, and after this resolves a crash leaves the new one. */
export async function replaceFile(
  file: string,
  content: string | Buffer,
  mode = 0o644,
): Promise<void> {
  const fresh = `${file}.new`
  await writeNewFile(fresh, content, mode)
  await rename(fresh, file)
  await syncDirectory(dirname(file))
}

/** Writes a whole file and syncs it; its name is durable once its directory is synced. */
export async function writeNewFile(
  file: string,
  content: string | Buffer,
  mode = 0o644,
): Promise<void> {
  const handle = await open(file, 'w', mode)
  try {
    await handle.writeFile(content)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** A file name for messages: with the directory it stands in. */
export function shortName(file: string): string {
  return `${basename(dirname(file))}/${basename(file)}`
}

export function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT'
}
