import { setTimeout as pause } from 'node:timers/promises'
import { openEmbeddedBus } from '../../../../../services/bus/adapters/embedded/embedded-bus.ts'
import { BusError } from '../../../../../services/bus/bus.ts'

/*
 * Run by a test that takes the disk away from it and gives it back: sends numbers, prints what became of each, and goes on
 * until fifty were taken after the first refusal.
 */
const [file] = process.argv.slice(2)
if (file === undefined) throw new Error('usage: retrying-sender FILE')
const bus = await openEmbeddedBus({ file, topics: [{ name: 'events', partitions: 1 }] })
process.stdout.write('ready\n')
let takenAfterRefusal = 0
let wasRefused = false
for (let number = 0; takenAfterRefusal < 50; number += 1) {
  const value = Buffer.concat([Buffer.from(`${number}`), Buffer.alloc(50_000)])
  try {
    await bus.producer.send('events', Buffer.from('key'), [{ value, headers: {} }])
    process.stdout.write(`taken ${number}\n`)
    if (wasRefused) takenAfterRefusal += 1
  } catch (error) {
    if (!(error instanceof BusError)) throw error
    process.stdout.write(`${error.code} ${number}\n`)
    wasRefused = true
    await pause(20)
  }
}
await bus[Symbol.asyncDispose]()
