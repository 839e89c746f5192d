import type { BusFixture } from '../../../../contracts/bus-probe.ts'
import { busDirectory } from './bus-directory.ts'

export const embeddedFixture: BusFixture = {
  largestRecordBytes: 8 << 20,
  async open(t, topics) {
    const directory = await busDirectory(t)
    const bus = await directory.open({ topics })
    return {
      bus,
      async restart() {
        await bus[Symbol.asyncDispose]()
        return directory.open({ topics })
      },
    }
  },
}
