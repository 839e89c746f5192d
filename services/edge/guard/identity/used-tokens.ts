import { mkdir, open, readdir, rm, stat } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { join } from 'node:path'

import { tokenSha256 } from '../../../../schemas/control.ts'
import type { Clock } from '../../../runtime/clock.ts'

export type UseOutcome =
  { readonly ok: true } | { readonly ok: false; readonly reason: 'token_used' | 'too_many_tokens' }

const hourMs = 3_600_000
// No token lives longer than a day; the hours more are for clocks that are set.
const keptMs = 30 * hourMs
const mostTokens = 100_000

/**
 * Which tokens were used at this edge, each once: an empty file of the directory for each, named after the hash of its id, so that of
 * two uses at once only one makes it and a restart forgets none. Also those that the api says were used elsewhere.
 */
export class UsedTokens {
  readonly #directory: string
  readonly #clock: Clock
  readonly #most: number
  /** Exchanged at the api or used at any edge, by their hashes, with when the token ends: told anew at each start. */
  readonly #elsewhere = new Map<string, number>()
  /** Until then there are tokens that were used elsewhere and for which there was no room. */
  #unknownUntilMs = 0
  #kept = 0
  #clearedAtMs = 0

  private constructor(directory: string, clock: Clock, most: number) {
    this.#directory = directory
    this.#clock = clock
    this.#most = most
  }

  /** `most`: beyond so many tokens that are kept, or told of, no further one is taken. */
  static async open(directory: string, clock: Clock, most = mostTokens): Promise<UsedTokens> {
    await mkdir(directory, { recursive: true, mode: 0o700 })
    const used = new UsedTokens(directory, clock, most)
    await used.#clear()
    return used
  }

  /** The token of this hash was exchanged at the api, or used at an edge. `expiresAtMs` is the end of the token. */
  note(sha256: string, expiresAtMs: number): void {
    if (this.#elsewhere.size >= this.#most) {
      const nowMs = this.#clock.nowMs()
      for (const [each, endMs] of this.#elsewhere) if (endMs <= nowMs) this.#elsewhere.delete(each)
    }
    const hasRoom = this.#elsewhere.has(sha256) || this.#elsewhere.size < this.#most
    if (hasRoom) this.#elsewhere.set(sha256, expiresAtMs)
    else this.#unknownUntilMs = Math.max(this.#unknownUntilMs, expiresAtMs)
  }

  /** Durable when it resolves with ok. Rejects when it cannot be kept; then the token may count as used. */
  async use(tokenId: string): Promise<UseOutcome> {
    const sha256 = tokenSha256(tokenId)
    if (this.#elsewhere.has(sha256)) return { ok: false, reason: 'token_used' }
    const nowMs = this.#clock.nowMs()
    if (nowMs < this.#unknownUntilMs) return { ok: false, reason: 'too_many_tokens' }
    const isDue = nowMs - this.#clearedAtMs >= hourMs
    if (isDue || this.#kept >= this.#most) await this.#clear()
    if (this.#kept >= this.#most) return { ok: false, reason: 'too_many_tokens' }
    let file: FileHandle
    try {
      file = await open(join(this.#directory, sha256), 'wx', 0o600)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      return { ok: false, reason: 'token_used' }
    }
    this.#kept += 1
    await file.close()
    const directory = await open(this.#directory, 'r')
    try {
      await directory.sync()
    } finally {
      await directory.close()
    }
    return { ok: true }
  }

  /** Tokens that have ended long ago need not be known. */
  async #clear(): Promise<void> {
    const nowMs = this.#clock.nowMs()
    this.#clearedAtMs = nowMs
    const names = await readdir(this.#directory)
    this.#kept = names.length
    for (const name of names) {
      const file = join(this.#directory, name)
      const { mtimeMs } = await stat(file)
      if (nowMs - mtimeMs <= keptMs) continue
      await rm(file)
      this.#kept -= 1
    }
  }
}
