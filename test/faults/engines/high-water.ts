import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

import type { SpooledRecorder } from '../../../services/edge/capture/spooled-recorder.ts'

const everyMs = 200
const collectEveryMs = 2_000

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/** The most that this process and the spool of a recorder held while it was watched. */
export class HighWater implements Disposable {
  readonly liveBefore = liveBytes()
  /** What was in use right after garbage was collected: what nobody needs any more the engine gives back when it likes. */
  liveBytes = 0
  readonly residentBefore = process.memoryUsage.rss()
  residentBytes = 0
  spoolBytes = 0
  spoolMemoryBytes = 0
  readonly #timers: readonly NodeJS.Timeout[]

  constructor(recorder: SpooledRecorder) {
    const look = setInterval(() => {
      const { memoryBytes, spoolBytes } = recorder.stats()
      this.residentBytes = Math.max(this.residentBytes, process.memoryUsage.rss())
      this.spoolBytes = Math.max(this.spoolBytes, spoolBytes)
      this.spoolMemoryBytes = Math.max(this.spoolMemoryBytes, memoryBytes)
    }, everyMs)
    const collect = setInterval(() => {
      this.liveBytes = Math.max(this.liveBytes, liveBytes())
    }, collectEveryMs)
    this.#timers = [look, collect]
  }

  [Symbol.dispose](): void {
    for (const timer of this.#timers) clearInterval(timer)
  }
}

function liveBytes(): number {
  collectGarbage()
  const { external, heapUsed } = process.memoryUsage()
  return heapUsed + external
}
