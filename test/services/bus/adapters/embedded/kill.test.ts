import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { readRecords } from '../../../../contracts/bus-probe.ts'
import { busDirectory } from './bus-directory.ts'

const sender = fileURLToPath(new URL('./numbered-sender.ts', import.meta.url))
const partitions = 3

test('after five kills in the middle of writing every acknowledged record is there, without a hole', async (t) => {
  const directory = await busDirectory(t)
  const acknowledged = new Map<string, number>()
  for (let series = 0; series < 5; series += 1) {
    const child = spawn(process.execPath, [sender, directory.file, `${series}`, `${partitions}`], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    t.after(() => child.kill('SIGKILL'))
    let lines = 0
    for await (const line of createInterface({ input: child.stdout })) {
      const [key, number] = line.split(' ')
      if (key !== undefined && number !== undefined) acknowledged.set(key, Number(number))
      lines += 1
      if (lines === 500 + series * 77) child.kill('SIGKILL')
    }
    if (child.signalCode === null) await once(child, 'exit')
    assert.equal(child.signalCode, 'SIGKILL')
  }
  const topics = [{ name: 'events', partitions }]
  const bus = await directory.open({ topics })
  const ends = Array.from({ length: partitions }, (_, at) => bus.watermarks('events', at))
  const count = (await Promise.all(ends)).reduce((sum, { high }) => sum + Number(high), 0)
  const numbers = new Map<string, number[]>()
  const offsets = new Map<number, bigint[]>()
  for (const record of await readRecords(bus, { group: 'g', topics: ['events'] }, count)) {
    const key = record.key.toString()
    const own = numbers.get(key) ?? []
    numbers.set(key, own)
    own.push(Number.parseInt(record.value.toString(), 10))
    const place = offsets.get(record.partition) ?? []
    offsets.set(record.partition, place)
    place.push(record.offset)
  }
  assert.equal(acknowledged.size, 5 * 8)
  for (const [key, last] of acknowledged) {
    const own = numbers.get(key) ?? []
    assert.ok(own.length > last, `${key} has ${own.length} records, ${last + 1} were acknowledged`)
    assert.deepEqual(
      own,
      Array.from(own, (_, number) => number),
    )
  }
  for (const place of offsets.values()) {
    assert.deepEqual(
      place,
      Array.from(place, (_, offset) => BigInt(offset)),
    )
  }
  await bus[Symbol.asyncDispose]()
  const db = new DatabaseSync(directory.file)
  assert.equal(db.prepare('PRAGMA integrity_check').get()?.['integrity_check'], 'ok')
  db.close()
})
