import type { SpooledRecorder } from '../../../services/edge/capture/spooled-recorder.ts'

const everyMs = 200

/** The most that this process and the spool of a recorder held while it was watched. */
export class HighWater implements Disposable {
  readonly residentBefore = process.memoryUsage.rss()
  residentBytes = 0
  spoolBytes = 0
  spoolMemoryBytes = 0
  readonly #timer: NodeJS.Timeout

  constructor(recorder: SpooledRecorder) {
    this.#timer = setInterval(() => {
      const { memoryBytes, spoolBytes } = recorder.stats()
      this.residentBytes = Math.max(this.residentBytes, process.memoryUsage.rss())
      this.spoolBytes = Math.max(this.spoolBytes, spoolBytes)
      this.spoolMemoryBytes = Math.max(this.spoolMemoryBytes, memoryBytes)
    }, everyMs)
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
  }
}
