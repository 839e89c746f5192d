import { pauseUnlessAborted } from '../../../runtime/pause.ts'

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
