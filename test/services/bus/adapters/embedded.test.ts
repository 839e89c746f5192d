import { busContract } from '../../../contracts/bus.ts'
import { busDirectory } from './embedded/bus-directory.ts'

busContract('embedded bus', {
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
})
