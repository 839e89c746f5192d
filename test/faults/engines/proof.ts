import assert from 'node:assert/strict'

import type { Ledger } from '../../../services/ledger/ledger.ts'
import { readLedger } from '../sealed-ledger.ts'
import type { Pipeline } from './pipeline.ts'

/** What a finished run came to. Bytes are the most that was seen. */
export interface Proven {
  readonly acknowledged: number
  readonly entries: number
  /** Records that the bus has twice, since a send was repeated whose answer was lost; the second says of which it is a copy. */
  readonly repeats: number
  readonly spoolBytes: number
  /** In use after a collection of garbage, beyond what was at the beginning. */
  readonly liveGrowthBytes: number
  readonly residentGrowthBytes: number
}

const mebibyte = 1_048_576
const maxSpoolMemoryBytes = 32 * mebibyte
/** Wire buffers and batches; the events themselves wait on disk. */
const maxLiveGrowthBytes = 256 * mebibyte

/**
 * Holds a finished run against what its recorder acknowledged: nothing lost, nothing sealed twice, nothing refused, memory bounded.
 */
export async function prove(pipeline: Pipeline): Promise<Proven> {
  const { highWater, ledger, load, recorder } = pipeline
  assert.deepEqual(load.refused, [])
  const sealed = await readLedger(ledger)
  await assertOffsetsOnce(ledger)
  const ofEdge = sealed.events.filter(({ producer }) => producer === recorder.producer)
  assert.equal(ofEdge.length, recorder.stats().recorded, 'all that was recorded is sealed')
  const numbers = new Set(ofEdge.map(({ producer_seq: seq }) => seq))
  const lost = load.taken.filter((seq) => !numbers.has(seq))
  assert.deepEqual(lost, [], 'nothing that was acknowledged is lost')
  const liveGrowthBytes = highWater.liveBytes - highWater.liveBefore
  assert.ok(liveGrowthBytes < maxLiveGrowthBytes, `${liveGrowthBytes} bytes more in use`)
  const residentGrowthBytes = highWater.residentBytes - highWater.residentBefore
  const { spoolBytes, spoolMemoryBytes } = highWater
  assert.ok(spoolMemoryBytes < maxSpoolMemoryBytes, `${spoolMemoryBytes} bytes of spool in memory`)
  const { entries, repeats } = sealed
  const acknowledged = load.taken.length
  return { acknowledged, entries, repeats, spoolBytes, liveGrowthBytes, residentGrowthBytes }
}

/** A record of the bus is sealed once, and none between two is passed over. */
async function assertOffsetsOnce({ reader }: Ledger): Promise<void> {
  for (const { origin, size } of await reader.logs()) {
    let next: number | null = null
    for await (const { leaf, position } of reader.entries(origin, 0, size)) {
      if (leaf.type !== 'event') continue
      if (next !== null)
        assert.equal(leaf.off, next, `${origin} ${position} follows the one before`)
      next = leaf.off + 1
    }
  }
}

export function inWords(proven: Proven): string {
  const { acknowledged, entries, liveGrowthBytes, repeats, residentGrowthBytes, spoolBytes } =
    proven
  return [
    `${acknowledged} acknowledged, 0 lost`,
    `${entries} entries, ${repeats} of them copies that say so`,
    `spool ${megabytes(spoolBytes)} MiB`,
    `${megabytes(liveGrowthBytes)} MiB more in use, ${megabytes(residentGrowthBytes)} MiB more resident`,
  ].join(', ')
}

function megabytes(bytes: number): string {
  return (bytes / mebibyte).toFixed(1)
}
