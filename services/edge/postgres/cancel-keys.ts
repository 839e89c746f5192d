import { timingSafeEqual } from 'node:crypto'

export interface CancelKey {
  readonly processId: number
  readonly key: Buffer
}

/** Resolves when the target has taken note. */
export type CancelSession = () => Promise<void>

/**
 * The keys this edge gave to its clients. They are its own, so that a client never learns the target's and the target's open
 * nothing here.
 */
export class CancelKeys {
  readonly #sessions = new Map<number, CancelledSession>()
  readonly #randomBytes: (size: number) => Buffer

  constructor(randomBytes: (size: number) => Buffer) {
    this.#randomBytes = randomBytes
  }

  /** Protocol 3.2 allows long keys; before it a key has 4 bytes. */
  issue(minor: number, cancel: CancelSession): CancelKey {
    let processId = 0
    while (processId === 0 || this.#sessions.has(processId)) {
      processId = this.#randomBytes(4).readUInt32BE(0) & 0x7fffffff
    }
    const key = this.#randomBytes(minor >= 2 ? 32 : 4)
    this.#sessions.set(processId, { key, cancel, running: null })
    return { processId, key }
  }

  /** Runs what was registered under this key. A wrong key does nothing and is answered as a right one is: not at all. */
  async cancel({ processId, key }: CancelKey): Promise<void> {
    const session = this.#sessions.get(processId)
    if (session === undefined || session.key.length !== key.length) return
    if (!timingSafeEqual(session.key, key)) return
    // One at a time for a session: more would do nothing more.
    session.running ??= session.cancel().finally(() => {
      session.running = null
    })
    await session.running
  }

  withdraw(processId: number): void {
    this.#sessions.delete(processId)
  }
}

interface CancelledSession {
  readonly key: Buffer
  readonly cancel: CancelSession
  running: Promise<void> | null
}
