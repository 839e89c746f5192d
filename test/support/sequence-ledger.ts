import { randomBytes } from 'node:crypto'
import { join } from 'node:path'

import { topics } from '../../services/bus/topics.ts'
import { openLedger } from '../../services/ledger/adapters/files/open.ts'
import { systemClock } from '../../services/runtime/clock.ts'
import { loadKeyFile } from '../../services/runtime/key-file.ts'
import { createLogger } from '../../services/runtime/logger.ts'
import { aBus } from './a-ledger.ts'
import { anEvent, encoded } from './an-event.ts'

// Seals what it sends itself, from number `first` on, and prints each number that the bus acknowledged; until it is killed.
const [, , directory = '', firstText = '0'] = process.argv
const bus = await aBus(directory)
const ledger = await openLedger({
  directory: join(directory, 'ledger'),
  operator: 'ledger.example',
  environment: 'test',
  topic: topics.auditEvents,
  partitions: 1,
  key: await loadKeyFile(join(directory, 'ledger.key')),
  clock: systemClock,
  logger: createLogger('silent'),
  randomBytes,
  checkpointMs: 5,
  segmentBytes: 50_000,
})
const running = ledger.run(bus, new AbortController().signal)
running.catch((error: unknown) => {
  process.stderr.write(`${String(error)}\n`)
  process.exit(1)
})
for (let next = Number(firstText); ;) {
  const numbers = Array.from({ length: 1 + (next % 7) }, () => next++)
  // The same number is always the same bytes: what was written and not acknowledged is sent again.
  const records = numbers.map((number) => ({
    value: encoded(anEvent({ id: `event-${number}`, producer_seq: number, session_id: 's' })),
    headers: {},
  }))
  await bus.producer.send(topics.auditEvents, Buffer.from('s'), records)
  process.stdout.write(`${numbers.join('\n')}\n`)
}
