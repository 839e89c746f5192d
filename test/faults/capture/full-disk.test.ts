import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'

import { aCompletion, aRequest } from '../../support/an-event.ts'
import {
  afterwards,
  contextOf,
  crashedCopy,
  directoryFor,
  ListBus,
  open,
} from '../../services/edge/capture/capture-fixture.ts'
import { until } from '../../support/until.ts'

const canMount = process.getuid?.() === 0 && existsSync('/usr/bin/mount')
const skip = canMount ? false : 'a file system of its own needs root'
const statement = aRequest(Buffer.alloc(20_000, 65))

test(
  'on a disk that fills up everything that was taken arrives once the bus takes it',
  { skip },
  async (t) => {
    const list = new ListBus()
    list.isDown = true
    const disk = smallDisk(t, 6)
    const recorder = await open(t, join(disk, 'spool'), list.bus)
    const scope = recorder.scope(contextOf('s'))
    let taken = 0
    for (let refused = 0; refused < 50;) {
      if (take(taken)) {
        taken += 1
        await recorder.durable().catch(() => undefined)
      } else {
        refused += 1
      }
    }
    assert.ok(taken > 100)
    await until(() => recorder.stats().state === 'degraded')
    // The bus is back: what it takes is removed although nothing new can be written beside it.
    list.isDown = false
    await until(() => recorder.stats().state === 'running')
    for (let more = 0; more < 400; more += 1) {
      if (take(taken)) taken += 1
      else await recorder.published()
    }
    await recorder.published()
    const chain = list.chain().map(({ event }) => event)
    const received = chain.filter(({ type }) => type === 'request.received')
    assert.equal(received.length, taken)
    const degraded = chain.find(({ type }) => type === 'edge.degraded')?.edge
    assert.ok((degraded?.refused ?? 0) >= 50)
    assert.ok(chain.some(({ type }) => type === 'edge.recovered'))

    function take(id: number): boolean {
      return scope.record({ type: 'request.received', request_id: `r${id}`, request: statement }).ok
    }
  },
)

test(
  'a disk that others fill: recording stops, goes on by itself, and a crash meanwhile loses nothing durable',
  { skip },
  async (t) => {
    const list = new ListBus()
    const disk = smallDisk(t, 6)
    const recorder = await open(t, join(disk, 'spool'), list.bus)
    const scope = recorder.scope(contextOf('s'))
    scope.record({ type: 'request.received', request_id: 'before', request: statement })
    await recorder.published()
    const rival = join(disk, 'rival')
    const { bavail, bsize } = statfsSync(disk)
    writeFileSync(rival, Buffer.alloc(bavail * bsize))
    list.isDown = true
    let durable = 0
    while (
      scope.record({ type: 'request.received', request_id: `r${durable}`, request: statement }).ok
    ) {
      if (
        !(await recorder.durable().then(
          () => true,
          () => false,
        ))
      )
        break
      durable += 1
    }
    await until(() => recorder.stats().state === 'degraded')
    const late = new ListBus()
    const again = await open(t, crashedCopy(t, join(disk, 'spool')), late.bus)
    await again.published()
    const found = late.events.filter(({ type }) => type === 'request.received')
    assert.ok(found.filter(({ request_id: id }) => id !== 'before').length >= durable)

    rmSync(rival)
    list.isDown = false
    await until(() => recorder.stats().state === 'running')
    assert.ok(
      scope.record({ type: 'request.completed', request_id: 'before', completion: aCompletion() })
        .ok,
    )
    await recorder.published()
    list.chain()
  },
)

/** A file system of so many MiB. */
function smallDisk(t: TestContext, mebibytes: number): string {
  const directory = directoryFor(t)
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m`, 'tmpfs', directory])
  afterwards(t, () => {
    execFileSync('umount', ['--lazy', directory])
  })
  return directory
}
