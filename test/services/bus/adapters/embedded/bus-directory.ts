import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import {
  openEmbeddedBus,
  type EmbeddedBusOptions,
} from '../../../../../services/bus/adapters/embedded/embedded-bus.ts'
import type { Bus } from '../../../../../services/bus/bus.ts'

export interface BusDirectory {
  readonly file: string
  open(options?: Partial<EmbeddedBusOptions>): Promise<Bus>
}

/** A place for a bus file. What is opened there and the place itself are gone after the test. */
export async function busDirectory(t: TestContext): Promise<BusDirectory> {
  const directory = await mkdtemp(join(tmpdir(), 'bus-'))
  const file = join(directory, 'bus.sqlite')
  const opened: Bus[] = []
  t.after(async () => {
    for (const bus of opened) await bus[Symbol.asyncDispose]()
    await rm(directory, { recursive: true })
  })
  return {
    file,
    async open(options = {}) {
      const topics = [{ name: 'events', partitions: 1 }]
      const bus = await openEmbeddedBus({ file, topics, ...options })
      opened.push(bus)
      return bus
    },
  }
}
