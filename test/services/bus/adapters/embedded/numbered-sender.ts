import { openEmbeddedBus } from '../../../../../services/bus/adapters/embedded/embedded-bus.ts'

/*
 * Run by a test that kills it: sends numbers of its own series for several keys and prints each when it is acknowledged.
 */
const [file, series, partitions] = process.argv.slice(2)
if (file === undefined) throw new Error('usage: numbered-sender FILE SERIES PARTITIONS')
const bus = await openEmbeddedBus({
  file,
  topics: [{ name: 'events', partitions: Number(partitions) }],
})

async function sendNumbers(sender: number): Promise<never> {
  const key = Buffer.from(`${series}-${sender}`)
  for (let number = 0; ; number += 2) {
    const values = [number, number + 1].map((each) => ({
      value: Buffer.concat([Buffer.from(`${each}`), Buffer.alloc(600)]),
      headers: {},
    }))
    await bus.producer.send('events', key, values)
    process.stdout.write(`${key.toString()} ${number + 1}\n`)
  }
}

process.stdout.write('ready\n')
await Promise.all(Array.from({ length: 8 }, (_, sender) => sendNumbers(sender)))
