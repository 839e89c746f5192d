import { workerData } from 'node:worker_threads'

import type { SwapRequest, SwapResult } from './head-swaps.ts'
import { SqliteHeadRegisters } from './sqlite-head-register.ts'
import { answerCalls } from './thread-calls.ts'

/** Swaps heads, one after the other, in the order they were asked for. */
const registers = new SqliteHeadRegisters(workerData as string)

answerCalls<SwapResult>((request) => {
  const { origin, expected, next } = request as SwapRequest
  return registers.of(origin).swap(expected, next)
})
