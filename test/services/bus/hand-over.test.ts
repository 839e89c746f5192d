import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BusError, type BatchHandler, type StoredRecord } from '../../../services/bus/bus.ts'
import { handOver, type HandedOver, type Turn } from '../../../services/bus/hand-over.ts'

test('records are handed over a part at a time, and each part is kept before the next', async () => {
  const seen: string[] = []
  const outcome = await handingOver(
    async ({ records }) => {
      seen.push(`handled ${records.map(({ offset }) => offset).join()}`)
      return { commit: (records.at(-1)?.offset ?? 0n) + 1n }
    },
    { goOn: async (commit, isNext) => void seen.push(`kept ${commit} ${isNext}`) },
  )
  assert.equal(outcome, 'handled')
  const parts = ['handled 5,6', 'kept 7 true', 'handled 7,8', 'kept 9 true', 'handled 9']
  assert.deepEqual(seen, [...parts, 'kept 10 true'])
})

test('a handler that goes elsewhere is handed nothing more of what was read', async () => {
  const kept: string[] = []
  let handled = 0
  const outcome = await handingOver(
    async () => {
      handled += 1
      return { commit: 6n }
    },
    { goOn: async (commit, isNext) => void kept.push(`${commit} ${isNext}`) },
  )
  assert.deepEqual(
    { outcome, handled, kept },
    { outcome: 'handled', handled: 1, kept: ['6 false'] },
  )
})

test('what a handler comes to after it was told that it is stale, or was overtaken, is not kept', async () => {
  const kept: bigint[] = []
  const goOn: Turn['goOn'] = async (commit) => void kept.push(commit)
  const told: unknown[] = []
  const stale: BatchHandler = async (batch) => {
    await batch.beat().catch((error: unknown) => told.push(error))
    return { commit: 7n }
  }
  assert.equal(await handingOver(stale, { goOn, isHeld: () => false }), 'over')
  assert.ok(told[0] instanceof BusError && told[0].code === 'BUS_STALE_READER')
  const overtaken = await handingOver(async () => ({ commit: 7n }), {
    goOn,
    isOvertaken: () => true,
  })
  assert.equal(overtaken, 'over')
  assert.deepEqual(kept, [])
})

test('a failure is for the reader to try again, unless its turn is over', async () => {
  const fail: BatchHandler = () => Promise.reject(new Error('not now'))
  assert.equal(await handingOver(fail), 'failed')
  let isOver = false
  const failLate: BatchHandler = () => {
    isOver = true
    return Promise.reject(new Error('not now'))
  }
  assert.equal(await handingOver(failLate, { isOver: () => isOver }), 'over')
})

/** Hands five records over, from offset 5 on, two at a time. */
function handingOver(handle: BatchHandler, how: Partial<Turn> = {}): Promise<HandedOver> {
  const turn: Turn = {
    topic: 'audit.events',
    partition: 3,
    isOver: () => false,
    isHeld: () => true,
    isOvertaken: () => false,
    highWatermark: () => 10n,
    goOn: () => Promise.resolve(),
    ...how,
  }
  const options = { group: 'readers', topics: [turn.topic], maxRecords: 2 }
  return handOver({ options, handle, logger: undefined }, turn, [5n, 6n, 7n, 8n, 9n].map(record))
}

function record(offset: bigint): StoredRecord {
  const value = Buffer.from(`record ${offset}`)
  return { offset, key: Buffer.from('k'), value, headers: {}, timestampMs: 0, leaderEpoch: null }
}
