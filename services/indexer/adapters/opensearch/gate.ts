/** Many at once, or one alone. Who wants to be alone waits for those inside and keeps later ones out. */
export class Gate {
  #inside = new Set<Promise<unknown>>()
  #alone: Promise<unknown> = Promise.resolve()

  async shared<T>(work: () => Promise<T>): Promise<T> {
    for (let turn; turn !== this.#alone;) {
      turn = this.#alone
      await turn
    }
    const running = work()
    const settled = running.catch(() => undefined)
    this.#inside.add(settled)
    try {
      return await running
    } finally {
      this.#inside.delete(settled)
    }
  }

  async alone<T>(work: () => Promise<T>): Promise<T> {
    const before = this.#alone
    const running = before.then(async () => {
      await Promise.all(this.#inside)
      return await work()
    })
    this.#alone = running.catch(() => undefined)
    return await running
  }
}
