import { lstat, readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { readUnverifiedCheckpoint } from '../ledger/proof/checkpoint.ts'
import { ProofError } from '../ledger/proof/error.ts'
import { decodeBundle, entriesLevel, tilePath, tileWidth } from '../ledger/proof/tile.ts'
import type { LogSource } from '../reporter/verify/log-check.ts'

/** No file of a log is larger. */
const mostBytes = tileWidth * (2 + 65_535)
const answerMs = 60_000

/**
 * Logs in C2SP tlog-tiles form, below a directory as `affidavit export` writes it, or below an address that serves them, each under its
 * origin. Nothing of it is believed: whoever reads compares what it gives with a checkpoint.
 */
export function logCopy(place: string): LogSource {
  const read = /^https?:\/\//.test(place) ? served(place.replace(/\/+$/, '')) : exported(place)
  return {
    async *entries(origin, size) {
      const note = (await read(`${origin}/checkpoint`)).toString()
      const { size: copied } = readUnverifiedCheckpoint(note)
      if (copied < size) {
        throw missing(
          `the copy ends at ${copied} entries, and the report stands on ${size}; get a newer one`,
        )
      }
      for (let index = 0; index * tileWidth < size; index += 1) {
        const first = index * tileWidth
        const width = Math.min(tileWidth, copied - first)
        const path = tilePath({ level: entriesLevel, index, width })
        const bundle = decodeBundle(await read(`${origin}/${path}`), width)
        yield* bundle.slice(0, size - first)
      }
    },
  }
}

type ReadFile = (path: string) => Promise<Buffer>

/** Follows no link. */
function exported(directory: string): ReadFile {
  return async (path) => {
    const file = join(directory, path)
    const found = await lstat(file).catch(() => null)
    if (found === null) throw missing(`there is no ${file}`)
    if (!found.isFile() || found.size > mostBytes) throw missing(`${file} is no file of a log`)
    return readFile(file)
  }
}

function served(address: string): ReadFile {
  return async (path) => {
    const url = `${address}/${path}`
    const answer = await fetch(url, { signal: AbortSignal.timeout(answerMs) }).catch(
      (cause: unknown) => {
        throw missing(`nothing answers at ${url}`, cause)
      },
    )
    if (!answer.ok) throw missing(`${url} answers ${answer.status}`)
    const parts: Uint8Array[] = []
    let bytes = 0
    for await (const part of answer.body ?? []) {
      bytes += part.length
      if (bytes > mostBytes) throw missing(`${url} is no file of a log`)
      parts.push(part)
    }
    return Buffer.concat(parts)
  }
}

function missing(why: string, cause?: unknown): ProofError {
  return new ProofError('PROOF_TILE_MALFORMED', why, { cause })
}
