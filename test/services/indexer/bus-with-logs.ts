import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { pino } from 'pino'

import { openEmbeddedBus } from '../../../services/bus/adapters/embedded/embedded-bus.ts'
import type { EmbeddedBusOptions } from '../../../services/bus/adapters/embedded/embedded-bus.ts'
import type { Bus } from '../../../services/bus/bus.ts'
import { sealedHeaders, topics } from '../../../services/bus/topics.ts'
import { EmbeddedIndex } from '../../../services/indexer/adapters/embedded/embedded-index.ts'
import type { SealedRecord } from '../../../services/indexer/documents.ts'

export const silent = pino({ level: 'silent' })

/** A real bus and a real index in a directory of their own. */
export async function openBusAndIndex(
  t: TestContext,
  options: Pick<EmbeddedBusOptions, 'clock' | 'retentionEveryMs'> = {},
): Promise<{ readonly bus: Bus; readonly index: EmbeddedIndex }> {
  const directory = await mkdtemp(join(tmpdir(), 'indexer-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  const bus = await openEmbeddedBus({
    file: join(directory, 'bus.sqlite'),
    topics: [{ name: topics.ledgerSealed, partitions: 1, retentionMs: 60_000 }],
    ...options,
  })
  t.after(() => bus[Symbol.asyncDispose]())
  const index = await EmbeddedIndex.open({ directory: join(directory, 'index') })
  t.after(() => index[Symbol.asyncDispose]())
  return { bus, index }
}

/** Sends sealed records as a ledger does, all of them with this key. */
export async function publish(
  bus: Bus,
  records: readonly SealedRecord[],
  key = 'session',
): Promise<void> {
  await bus.producer.send(
    topics.ledgerSealed,
    Buffer.from(key),
    records.map(({ log, position, leafHash, value }) => ({
      value,
      headers: {
        [sealedHeaders.log]: Buffer.from(log),
        [sealedHeaders.position]: Buffer.from(String(position)),
        [sealedHeaders.leafHash]: leafHash,
      },
    })),
  )
}

/** Waits until so much of the log is in the index. */
export async function untilIndexed(
  index: EmbeddedIndex,
  log: string,
  indexed: number,
): Promise<void> {
  const end = Date.now() + 60_000
  for (;;) {
    const progress = await index.query.progress()
    const actual = progress.find((each) => each.log === log)?.indexed ?? 0
    if (actual >= indexed) return
    if (Date.now() > end) throw new Error(`only ${actual} of ${indexed} entries were indexed`)
    await pause(5)
  }
}
