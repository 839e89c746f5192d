import { setTimeout as pause } from 'node:timers/promises'

import type { EngineProcess } from './engine-process.ts'

/** Asks `isReady` until it resolves with true. Rejects with what the engine said when that has ended or takes too long. */
export async function untilReady(
  what: string,
  engine: EngineProcess,
  isReady: () => Promise<boolean>,
  waitMs: number,
): Promise<void> {
  const end = performance.now() + waitMs
  let reason: unknown = null
  while (engine.isRunning && performance.now() < end) {
    try {
      if (await isReady()) return
    } catch (error) {
      reason = error
    }
    await pause(100)
  }
  const how = engine.isRunning ? `does not serve after ${waitMs} ms` : 'ended at its start'
  throw new Error(`${what} ${how}: ${String(reason)}\n${await engine.said()}`)
}
