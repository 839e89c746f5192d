import { setTimeout as pause } from 'node:timers/promises'

/** Waits for work that may never end, but no longer than this. Its error is not of interest. */
export async function bounded(work: Promise<unknown>, ms: number): Promise<void> {
  const timer = new AbortController()
  const settled = work.then(
    () => undefined,
    () => undefined,
  )
  await Promise.race([settled, pauseUnlessAborted(ms, timer.signal)])
  timer.abort()
}

export async function pauseUnlessAborted(ms: number, signal: AbortSignal): Promise<void> {
  await pause(ms, undefined, { signal }).catch(() => undefined)
}
