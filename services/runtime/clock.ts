/** The time as a parameter, so that tests can hold it. */
export interface Clock {
  /** Milliseconds since 1970, UTC. */
  nowMs(): number
  /** Microseconds since 1970, UTC; rises within a process unless the wall clock is set. */
  nowUs(): number
}

// The wall clock gives milliseconds; the monotonic one fills in what lies between and keeps the order of events of one process.
const originUs = performance.timeOrigin * 1000

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  nowUs: () => {
    const wallUs = Date.now() * 1000
    const steadyUs = Math.floor(originUs + performance.now() * 1000)
    // After the wall clock was set, follow it.
    return Math.abs(steadyUs - wallUs) < 1_000_000 ? steadyUs : wallUs
  },
}
