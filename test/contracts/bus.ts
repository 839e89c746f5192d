import type { BusFixture } from './bus-probe.ts'
import { busReadingContract } from './bus-reading.ts'
import { busSendingContract } from './bus-sending.ts'
import { busSharingContract } from './bus-sharing.ts'

/** What every bus does, whatever stands behind it. Topics and groups have names of their own: a server may be shared. */
export function busContract(name: string, fixture: BusFixture): void {
  busSendingContract(name, fixture)
  busReadingContract(name, fixture)
  busSharingContract(name, fixture)
}
