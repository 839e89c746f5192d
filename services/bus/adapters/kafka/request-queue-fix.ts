import { createRequire } from 'node:module'

/*
 * kafkajs 2.2.4 sets a timer for a throttle deadline that is not there: a negative time, which Node warns of once
 * (TimeoutNegativeWarning) and takes for 1 ms, again and again for as long as a connection lives. Here a timer is set only for
 * requests that wait. Corrected at its source, so no warning of anybody else has to be hidden.
 */
interface RequestQueue {
  readonly pending: readonly unknown[]
  readonly throttledUntil: number
  throttleCheckTimeoutId: NodeJS.Timeout | null
  checkPendingRequests(): void
  scheduleCheckPendingRequests(): void
}

const checkEveryMs = 10

const require = createRequire(import.meta.url)
const { prototype } = require('kafkajs/src/network/requestQueue') as { prototype: RequestQueue }

prototype.scheduleCheckPendingRequests = function scheduleCheckPendingRequests(
  this: RequestQueue,
): void {
  if (this.pending.length === 0 || this.throttleCheckTimeoutId !== null) return
  this.throttleCheckTimeoutId = setTimeout(
    () => {
      this.throttleCheckTimeoutId = null
      this.checkPendingRequests()
    },
    Math.max(this.throttledUntil - Date.now(), checkEveryMs),
  )
}
