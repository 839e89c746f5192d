import { randomBytes } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'

/** A secret that was drawn once for this installation and stays in a file only its owner reads. */
export async function ensureSecret(file: string): Promise<string> {
  return ensurePrivateFile(file, () => randomBytes(18).toString('base64url'))
}

/** The content of a file of mode 0600, made by `create` when it is missing. Whole or not there at all, also after a crash. */
export async function ensurePrivateFile(file: string, create: () => string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  const content = create()
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  const fresh = `${file}.new`
  await writeFile(fresh, content, { mode: 0o600, flush: true })
  await rename(fresh, file)
  return content
}
