import { DatabaseSync } from 'node:sqlite'
import type { TestContext } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import type { BusWithHoles } from '../../../../contracts/bus-holes.ts'
import { busDirectory } from './bus-directory.ts'

const topic = 'holes'
const retentionMs = 1_000

export async function embeddedHoles(t: TestContext): Promise<BusWithHoles> {
  const directory = await busDirectory(t)
  let nowMs = 1_000_000
  const open = () =>
    directory.open({
      topics: [{ name: topic, partitions: 1, retentionMs }],
      clock: () => nowMs,
      retentionEveryMs: 10,
    })
  const bus = await open()
  return {
    bus,
    topic,
    deleteAll: async () => {
      nowMs += retentionMs + 1
      for (;;) {
        const { low, high } = await bus.watermarks(topic, 0)
        if (low === high) return
        await pause(5)
      }
    },
    // No reader of ours commits such an offset: the file has lost its end, or is an older copy beside newer ones.
    withCommitted: async (group, offset) => {
      await bus[Symbol.asyncDispose]()
      const db = new DatabaseSync(directory.file)
      db.prepare(
        `INSERT OR REPLACE INTO group_offset (group_name, topic_id, partition, next)
         SELECT ?, id, 0, ? FROM topic WHERE name = ?`,
      ).run(group, offset, topic)
      db.close()
      return open()
    },
  }
}
