import { parentPort, workerData } from 'node:worker_threads'

import type { SwapAnswer, SwapRequest } from './head-swaps.ts'
import { SqliteHeadRegisters } from './sqlite-head-register.ts'

/** Swaps heads, one after the other, in the order they were asked for. */
const registers = new SqliteHeadRegisters(workerData as string)

parentPort?.on('message', ({ id, origin, expected, next }: SwapRequest) => {
  const answer = (given: SwapAnswer): void => parentPort?.postMessage(given, [])
  registers
    .of(origin)
    .swap(expected, next)
    .then(
      (result) => answer({ id, result }),
      (error: unknown) => answer({ id, fault: String(error) }),
    )
})
