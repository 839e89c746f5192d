import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

import type { Bus } from '../../../services/bus/bus.ts'
import { openEmbeddedBus } from '../../../services/bus/adapters/embedded/embedded-bus.ts'
import { chainOf, directoryFor, open } from '../../services/edge/capture/capture-fixture.ts'

const child = fileURLToPath(new URL('./recording-child.ts', import.meta.url))
const kills = 6

test(`after ${kills} kills while recording, whatever was said to be on disk or written out is on the bus, and the chain is whole`, async (t) => {
  const directory = directoryFor(t)
  const kept = new Set<string>()
  for (let kill = 0; kill < kills; kill += 1) {
    for (const id of await recordUntilKilled(directory, 30 + kill * 137)) kept.add(id)
  }
  await using bus = await openEmbeddedBus({
    file: join(directory, 'bus.sqlite'),
    topics: [{ name: 'audit.events', partitions: 3 }],
  })
  const recorder = await open(t, join(directory, 'spool'), bus)
  await recorder.published()
  await recorder[Symbol.asyncDispose]()
  const chain = chainOf(await everything(bus)).map(({ event }) => event)

  const idsOf = (type: string): string[] =>
    chain.filter((event) => event.type === type).map((event) => event.request_id ?? '')
  const received = idsOf('request.received')
  assert.equal(new Set(received).size, received.length)
  for (const id of kept) assert.ok(received.includes(id), `${id} is missing`)
  assert.deepEqual(idsOf('request.completed').sort(), received.sort(), 'each has one completion')
  const sessions = (type: string): string[] =>
    chain.filter((event) => event.type === type).map((event) => event.session_id ?? '')
  assert.deepEqual(sessions('session.ended').sort(), sessions('session.started').sort())
  assert.ok(chain.some((event) => event.completion?.outcome === 'unknown'))
  assert.equal(chain.filter(({ type }) => type === 'edge.started').length, kills + 1)
})

/** What the process said before it was killed, after so many requests. */
async function recordUntilKilled(directory: string, requests: number): Promise<string[]> {
  const program = spawn(process.execPath, [child, directory], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const said: string[] = []
  for await (const line of createInterface({ input: program.stdout })) {
    said.push(line)
    if (said.length === requests) program.kill('SIGKILL')
  }
  if (program.signalCode === null) await once(program, 'exit')
  assert.equal(program.signalCode, 'SIGKILL')
  // The last line may have been cut.
  return said.slice(0, -1)
}

async function everything(bus: Bus): Promise<Buffer[]> {
  const ends = new Map<number, bigint>()
  for (let partition = 0; partition < 3; partition += 1) {
    const { high } = await bus.watermarks('audit.events', partition)
    if (high > 0n) ends.set(partition, high)
  }
  const values: Buffer[] = []
  const stop = new AbortController()
  const consumer = bus.consumer({ group: 'test', topics: ['audit.events'] })
  await consumer.run((batch) => {
    values.push(...batch.records.map(({ value }) => Buffer.from(value)))
    const next = (batch.records.at(-1)?.offset ?? -1n) + 1n
    if (next >= (ends.get(batch.partition) ?? 0n)) ends.delete(batch.partition)
    if (ends.size === 0) stop.abort()
    return Promise.resolve({ commit: next })
  }, stop.signal)
  return values
}
