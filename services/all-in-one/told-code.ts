import { readFile } from 'node:fs/promises'
import { dirname } from 'node:path'

import type { ToldCode } from '../edge/postgres/routines/code-changes.ts'
import { isMissing, replaceFile } from '../ledger/adapters/files/durable-files.ts'
import { makeDirectories } from './data-directory.ts'

/** Keeps in a file what an edge has told of the code at one target. Throws for a file that is not what was written. */
export function toldCodeIn(file: string): ToldCode {
  return {
    async read() {
      const text = await readFile(file, 'utf8').catch((error: unknown) => {
        if (isMissing(error)) return null
        throw error
      })
      if (text === null) return null
      try {
        return (JSON.parse(text) as [string, string, string][]).map(([kind, name, sha256]) => ({
          kind,
          name,
          sha256,
        }))
      } catch (cause) {
        throw new Error(
          `${file} cannot be read; move it away, and the code at its target is recorded as first seen`,
          { cause },
        )
      }
    },
    async replace(code) {
      makeDirectories(dirname(file))
      const rows = code.map(({ kind, name, sha256 }) => [kind, name, sha256])
      await replaceFile(file, JSON.stringify(rows), 0o600)
    },
  }
}
