import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { withCode, texts, readRecords, textsOf } from '../../../../contracts/bus-probe.ts'
import { busDirectory } from './bus-directory.ts'

test('another partition count than the file has is refused', async (t) => {
  const directory = await busDirectory(t)
  const bus = await directory.open({ topics: [{ name: 'events', partitions: 3 }] })
  await bus[Symbol.asyncDispose]()
  await assert.rejects(
    directory.open({ topics: [{ name: 'events', partitions: 4 }] }),
    withCode('BUS_PARTITIONS_DIFFER'),
  )
  // The refusal left nothing held.
  await directory.open({ topics: [{ name: 'events', partitions: 3 }] })
})

test('a topic can be added, and one that is no longer configured keeps its records', async (t) => {
  const directory = await busDirectory(t)
  const first = await directory.open()
  await first.producer.send('events', Buffer.from('key'), texts('kept'))
  await first[Symbol.asyncDispose]()
  const second = await directory.open({ topics: [{ name: 'other', partitions: 2 }] })
  await assert.rejects(second.partitionsOf('events'), withCode('BUS_TOPIC_MISSING'))
  await second[Symbol.asyncDispose]()
  const third = await directory.open()
  assert.deepEqual(textsOf(await readRecords(third, { group: 'g', topics: ['events'] }, 1)), [
    'kept',
  ])
})

test('a file that is open is refused with the process that holds it', async (t) => {
  const directory = await busDirectory(t)
  await directory.open()
  const code = `
    import { openEmbeddedBus } from ${JSON.stringify(import.meta.resolve('../../../../../services/bus/adapters/embedded/embedded-bus.ts'))}
    await openEmbeddedBus({ file: ${JSON.stringify(directory.file)}, topics: [] }).catch((error) => {
      console.log(error.code + ' ' + error.message)
    })`
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let printed = ''
  child.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()))
  await once(child, 'close')
  assert.equal(
    printed.trim(),
    `BUS_UNAVAILABLE the bus file ${directory.file} is held by process ${process.pid}`,
  )
  await assert.rejects(directory.open(), withCode('BUS_UNAVAILABLE'))
})

test('a bus closes when its signal aborts, and what it took before is kept', async (t) => {
  const directory = await busDirectory(t)
  const stop = new AbortController()
  const bus = await directory.open({ signal: stop.signal })
  const sent = bus.producer.send('events', Buffer.from('key'), texts('a'))
  stop.abort()
  await sent
  await assert.rejects(
    bus.producer.send('events', Buffer.from('key'), texts('b')),
    withCode('BUS_CLOSED'),
  )
  await bus[Symbol.asyncDispose]()
  const again = await directory.open()
  assert.deepEqual(await again.watermarks('events', 0), { low: 0n, high: 1n })
})

test('a file that cannot be a bus is refused by name, and stays as it is', async (t) => {
  const directory = await busDirectory(t)
  const missing = join(dirname(directory.file), 'missing', 'bus.sqlite')
  await assert.rejects(directory.open({ file: missing }), (error: Error) => {
    assert.ok(withCode('BUS_UNAVAILABLE')(error))
    assert.equal(error.message, `the bus file ${missing} cannot be opened`)
    return true
  })
  await writeFile(directory.file, 'something else altogether '.repeat(100))
  await assert.rejects(directory.open(), withCode('BUS_UNAVAILABLE'))
  assert.match(await readFile(directory.file, 'utf8'), /^something else/)
})

test('nobody but the owner may read the files of a bus', async (t) => {
  const directory = await busDirectory(t)
  const bus = await directory.open()
  await bus.producer.send('events', Buffer.from('key'), texts('a'))
  for (const file of [directory.file, `${directory.file}-wal`, `${directory.file}-shm`]) {
    assert.equal((await stat(file)).mode & 0o777, 0o600)
  }
})
