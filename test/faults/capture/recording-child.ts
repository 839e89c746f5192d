import { randomUUID } from 'node:crypto'
import { join } from 'node:path'

import { openEmbeddedBus } from '../../../services/bus/adapters/embedded/embedded-bus.ts'
import { openRecorder } from '../../../services/edge/capture/spooled-recorder.ts'
import { createLogger } from '../../../services/runtime/logger.ts'
import { systemClock } from '../../../services/runtime/clock.ts'
import { contextOf, key } from '../../services/edge/capture/capture-fixture.ts'
import { aCompletion, aRequest, aSession } from '../../support/an-event.ts'

/** Records for as long as it lives, and writes the id of each request once that outlives the process. Given a directory. */
const [directory = ''] = process.argv.slice(2)
const bus = await openEmbeddedBus({
  file: join(directory, 'bus.sqlite'),
  topics: [{ name: 'audit.events', partitions: 3 }],
})
const recorder = await openRecorder({
  producer: 'edge-1',
  directory: join(directory, 'spool'),
  tenant: 'test',
  version: '0',
  key,
  bus,
  clock: systemClock,
  logger: createLogger('fatal'),
  windowMs: 2,
  // Small, so that segments are finished and removed all the time.
  maxSpoolBytes: 16 << 20,
})
const statement = aRequest(Buffer.alloc(3_000, 65))

async function session(): Promise<never> {
  for (;;) {
    const id = randomUUID()
    const scope = recorder.scope(contextOf(id))
    scope.record({ type: 'session.started', session: aSession() })
    for (let count = 0; count < 20; count += 1) {
      const requestId = `${id}.${count}`
      if (
        !scope.record({ type: 'request.received', request_id: requestId, request: statement }).ok
      ) {
        await recorder.published()
        continue
      }
      if (count % 2 === 0) await recorder.durable()
      else await new Promise<void>((resolve) => recorder.afterWriteOut(resolve))
      process.stdout.write(`${requestId}\n`)
      scope.record({ type: 'request.completed', request_id: requestId, completion: aCompletion() })
    }
    scope.record({ type: 'session.ended', session: aSession({ outcome: 'closed' }) })
  }
}

await Promise.all(Array.from({ length: 8 }, session))
