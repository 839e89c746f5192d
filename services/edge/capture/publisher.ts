import type { BusProducer, BusRecord } from '../../bus/bus.ts'
import { topics } from '../../bus/topics.ts'
import type { Logger } from '../../runtime/logger.ts'
import type { Spool, SpoolBlock } from './spool.ts'
import { frameAt } from './spool-frame.ts'

export interface PublisherOptions {
  readonly spool: Spool
  readonly producer: BusProducer
  readonly logger: Logger
  /** Is told after each acknowledged block the last number in it. */
  readonly onPublished: (throughSeq: number) => void
}

const firstRetryMs = 100
const longestRetryMs = 5_000
const noHeaders = {}

/**
 * Sends what is durable to the bus, in order, until the signal aborts. All events of a block go out before the next block does, so each
 * key has one request in flight. What the bus does not take is sent again for as long as it takes: the spool holds it meanwhile. After
 * a crash a block may be sent twice; nothing is ever passed over.
 */
export async function publish(options: PublisherOptions, signal: AbortSignal): Promise<void> {
  const { spool, onPublished } = options
  for (;;) {
    const block = await spool.next(signal)
    if (block === null) return
    const { byKey, throughSeq } = recordsByKey(block)
    const sent = await Promise.all(
      byKey.map(({ key, records }) => sendUntilTaken(options, key, records, signal)),
    )
    if (!sent.every(Boolean)) return
    await spool.published(block)
    onPublished(throughSeq)
  }
}

interface KeyedRecords {
  readonly key: Buffer
  readonly records: BusRecord[]
}

function recordsByKey(block: SpoolBlock): { byKey: readonly KeyedRecords[]; throughSeq: number } {
  const byKey = new Map<string, KeyedRecords>()
  let throughSeq = -1
  for (const part of block.parts) {
    for (let frame = frameAt(part, 0); frame !== null; frame = frameAt(part, frame.end)) {
      const name = frame.key.toString('latin1')
      let keyed = byKey.get(name)
      if (keyed === undefined) {
        keyed = { key: frame.key, records: [] }
        byKey.set(name, keyed)
      }
      throughSeq = frame.producerSeq
      keyed.records.push({ value: frame.value, headers: noHeaders })
    }
  }
  return { byKey: [...byKey.values()], throughSeq }
}

async function sendUntilTaken(
  { producer, logger }: PublisherOptions,
  key: Buffer,
  records: readonly BusRecord[],
  signal: AbortSignal,
): Promise<boolean> {
  for (let waitMs = firstRetryMs; !signal.aborted; waitMs = Math.min(waitMs * 2, longestRetryMs)) {
    try {
      await producer.send(topics.auditEvents, key, records)
      return true
    } catch (error) {
      logger.warn(
        { err: error, events: records.length },
        'the bus did not take events; they wait in the spool',
      )
      await pause(waitMs, signal)
    }
  }
  return false
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done)
  })
}
