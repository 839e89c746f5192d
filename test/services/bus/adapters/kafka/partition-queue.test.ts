import assert from 'node:assert/strict'
import { test } from 'node:test'

import { PartitionQueue } from '../../../../../services/bus/adapters/kafka/partition-queue.ts'

test('a send that follows at once on the answer to the one before is not left waiting', async () => {
  let offset = 0n
  const queue = new PartitionQueue(1_000, (records) => {
    const first = offset
    offset += BigInt(records.length)
    return Promise.resolve(first)
  })
  const send = (): Promise<bigint> =>
    new Promise((resolve, reject) => {
      const records = [Buffer.from('x')]
      const release = (): void => undefined
      queue.add({ records, sizeBytes: 1, expiresAt: Infinity, resolve, reject, release })
    })
  // The sender may take any number of turns of the microtask queue before it goes on.
  for (let turns = 0; turns < 20; turns += 1) {
    const before = await send()
    for (let turn = 0; turn < turns; turn += 1) await Promise.resolve()
    const next = send()
    const stuck = new Promise<string>((resolve) => {
      setTimeout(resolve, 5_000, 'stuck').unref()
    })
    assert.equal(await Promise.race([next, stuck]), before + 1n, `after ${turns} turns`)
  }
})
