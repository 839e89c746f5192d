import assert from 'node:assert/strict'
import { dirname } from 'node:path'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'

import { dataPaths } from '../../services/runtime/config.ts'
import { eventually } from '../support/demo-stack.ts'
import { aDeployment } from '../support/deployment.ts'
import { canMount, SmallDisk } from '../support/small-disk.ts'
import { NumberedLoad } from './numbered-load.ts'
import { readSealed, requestsOf } from './sealed-ledger.ts'

const stoppedMs = Number(process.env['FAULT_STOPPED_MS'] ?? 3_000)
/** What the spool may hold in memory, and what the collector leaves lying: 190 to 350 MiB were seen, no more after 20 s than after 3. */
const growthBytes = 512 << 20

test('while the bus takes nothing clients work on, memory stays bounded, and afterwards all is sealed in order', async (t) => {
  if (!canMount(t)) return
  await using deployment = await aDeployment({ durability: 'batched' })
  const { bus } = dataPaths(deployment.config.dataDirectory)
  using disk = new SmallDisk(dirname(bus), 384)
  await using product = await deployment.start()
  await using load = new NumberedLoad(await deployment.sessionPassword())
  await eventually('the load to run', () => Promise.resolve(load.acknowledged > 100 ? true : null))

  disk.fill()
  const before = { acknowledged: load.acknowledged, bytes: product.residentBytes }
  let most = 0
  for (let ms = 0; ms < stoppedMs; ms += 100) {
    await pause(100)
    most = Math.max(most, product.residentBytes)
  }
  const during = load.acknowledged - before.acknowledged
  disk.makeRoom()
  await load.next()
  await load.stop()
  t.diagnostic(
    `${during} statements while the bus was stopped, ${Math.round((most - before.bytes) / 1_048_576)} MiB more memory`,
  )
  assert.match(product.said, /the bus did not take events/)
  assert.ok(during > 50, `${during} statements went on`)
  assert.ok(most - before.bytes < growthBytes, `${most - before.bytes} bytes more`)
  assert.deepEqual(load.refusals, [])
  // Time to send what has gathered.
  await pause(6_000)
  assert.equal(await product.stop(), 0, product.said)

  const { events } = await readSealed(deployment.config)
  const sealed = new Map(requestsOf(events).map(({ n, outcome }) => [n, outcome]))
  for (const { n, acknowledgedAtMs } of load.statements) {
    if (acknowledgedAtMs !== null) assert.equal(sealed.get(n), 'ok', `statement ${n} is sealed`)
  }
  const newest = new Map<string, number>()
  for (const { session_id: session, producer, producer_seq: seq } of events) {
    const key = session ?? producer
    assert.ok(seq > (newest.get(key) ?? -1), `${key} is sealed in the order in which it came`)
    newest.set(key, seq)
  }
})
