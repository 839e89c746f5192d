import { readFile } from 'node:fs/promises'

/** A secret kept in a file: its text without the line end that editors add. Never logged, never part of the configuration. */
export async function readPassword(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new Error(`the secret in ${file} cannot be read`, { cause })
  })
  const secret = text.replace(/\r?\n$/, '')
  if (secret === '') throw new Error(`the secret in ${file} is empty`)
  return secret
}
