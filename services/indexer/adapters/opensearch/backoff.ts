import { setTimeout as sleep } from 'node:timers/promises'

const firstMs = 100
const longestMs = 15_000

/** Waits before attempt number `attempt` (from 1): exponential, with full jitter, so that many who failed together do not return together. */
export type Pause = (attempt: number, signal: AbortSignal) => Promise<void>

export const backOff: Pause = async (attempt, signal) => {
  const bound = Math.min(firstMs * 2 ** Math.min(attempt - 1, 20), longestMs)
  await sleep(Math.ceil(Math.random() * bound), undefined, { signal })
}
