import type { BusProducer, BusRecord } from '../../bus/bus.ts'
import { topics } from '../../bus/topics.ts'
import type { Logger } from '../../runtime/logger.ts'
import { Rest } from './rest.ts'
import type { Spool } from './spool.ts'
import type { SpoolBlock } from './spool-queue.ts'
import { knownFrameAt } from './spool-frame.ts'

export interface PublisherOptions {
  readonly spool: Spool
  readonly producer: BusProducer
  readonly logger: Logger
  /** Is told after each acknowledged block the last number in it. */
  readonly onPublished: (throughSeq: number) => void
  /** How long after a block the next one follows, unless there is much or somebody waits. */
  readonly paceMs: number
  /** Whether somebody waits for what is not published yet: then there is no rest. */
  readonly isAwaited: () => boolean
  /** The rest between blocks, to be ended when somebody begins to wait. */
  readonly rest: Rest
}

const firstRetryMs = 100
const longestRetryMs = 5_000
// What one request to the bus holds, but for an event that is larger by itself.
const sendRecords = 1_000
const sendBytes = 1 << 20
const paceUpToBytes = 1 << 20
const noHeaders = {}

/**
 * Sends what is durable to the bus, in order, until the signal aborts. All events of a block go out before the next block does, so each
 * key has one request in flight. What the bus does not take is sent again for as long as it takes: the spool holds it meanwhile. After
 * a crash a block may be sent twice; nothing is ever passed over.
 */
export async function publish(options: PublisherOptions, signal: AbortSignal): Promise<void> {
  const { spool, onPublished, paceMs, isAwaited, rest } = options
  signal.addEventListener('abort', () => {
    spool.queue.wake()
  })
  for (;;) {
    const block = await spool.queue.next(signal)
    if (block === null) return
    const startedMs = performance.now()
    const { byKey, throughSeq } = recordsByKey(block)
    const sent = await Promise.all(byKey.map((keyed) => sendInOrder(options, keyed, signal)))
    if (!sent.every(Boolean)) return
    await spool.published(block)
    onPublished(throughSeq)
    const restMs = startedMs + paceMs - performance.now()
    const isIdle = spool.queue.waitingBytes < paceUpToBytes && !isAwaited()
    if (restMs > 0 && isIdle) await rest.take(restMs, signal)
  }
}

interface KeyedRecords {
  readonly key: Buffer
  /** Each is one request. */
  readonly requests: BusRecord[][]
  /** Of the last request. */
  bytes: number
}

function recordsByKey(block: SpoolBlock): { byKey: readonly KeyedRecords[]; throughSeq: number } {
  const byKey = new Map<string, KeyedRecords>()
  let throughSeq = -1
  for (const part of block.parts) {
    for (let at = 0; at < part.length;) {
      const frame = knownFrameAt(part, at)
      at = frame.end
      const name = frame.key.toString('latin1')
      let keyed = byKey.get(name)
      if (keyed === undefined) {
        keyed = { key: frame.key, requests: [], bytes: 0 }
        byKey.set(name, keyed)
      }
      throughSeq = frame.producerSeq
      addRecord(keyed, frame.value)
    }
  }
  return { byKey: [...byKey.values()], throughSeq }
}

function addRecord(keyed: KeyedRecords, value: Buffer): void {
  let request = keyed.requests.at(-1)
  if (
    request === undefined ||
    request.length >= sendRecords ||
    keyed.bytes + value.length > sendBytes
  ) {
    request = []
    keyed.requests.push(request)
    keyed.bytes = 0
  }
  request.push({ value, headers: noHeaders })
  keyed.bytes += value.length
}

/** False when the signal aborted before the bus had taken everything. */
async function sendInOrder(
  options: PublisherOptions,
  { key, requests }: KeyedRecords,
  signal: AbortSignal,
): Promise<boolean> {
  for (const records of requests) {
    if (!(await sendUntilTaken(options, key, records, signal))) return false
  }
  return true
}

async function sendUntilTaken(
  { producer, logger }: PublisherOptions,
  key: Buffer,
  records: readonly BusRecord[],
  signal: AbortSignal,
): Promise<boolean> {
  for (let waitMs = firstRetryMs; ; waitMs = Math.min(waitMs * 2, longestRetryMs)) {
    if (signal.aborted) return false
    try {
      await producer.send(topics.auditEvents, key, records)
      return true
    } catch (error) {
      logger.warn(
        { err: error, events: records.length },
        'the bus did not take events; they wait in the spool',
      )
      await new Rest().take(waitMs, signal)
    }
  }
}
