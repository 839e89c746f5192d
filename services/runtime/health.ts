/** What a part says of itself. `degraded` works but somebody should look. */
export interface PartHealth {
  readonly state: 'ok' | 'degraded' | 'failed'
  readonly reason?: string
}

/** Collects the health of the parts of a process; the worst one is the health of the whole. */
export class Health {
  readonly #parts = new Map<string, () => PartHealth>()

  add(part: string, check: () => PartHealth): void {
    this.#parts.set(part, check)
  }

  read(): { state: PartHealth['state']; parts: Readonly<Record<string, PartHealth>> } {
    const parts = Object.fromEntries([...this.#parts].map(([part, check]) => [part, check()]))
    const states = Object.values(parts).map((part) => part.state)
    const state = states.includes('failed')
      ? 'failed'
      : states.includes('degraded')
        ? 'degraded'
        : 'ok'
    return { state, parts }
  }
}
