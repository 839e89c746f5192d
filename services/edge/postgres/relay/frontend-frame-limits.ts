import type { PostgresLimits } from '../limits.ts'
import type { FrameLimits } from '../protocol/frame.ts'
import { frontend, headerBytes } from '../protocol/message-types.ts'

/** Which of the client's messages are handed over whole, and up to what size. */
export function frontendFrameLimits(limits: PostgresLimits): FrameLimits {
  return {
    maxMessageBytes: limits.maxMessageBytes,
    wholeUpTo(type) {
      switch (type) {
        case frontend.query:
        case frontend.parse:
          return limits.maxStatementBytes + headerBytes
        case frontend.bind:
          return limits.maxBindBytes
        case frontend.copyData:
          return limits.passThroughBytes
        case frontend.functionCall:
          return maxFunctionCallBytes
        default:
          return maxSmallMessageBytes
      }
    },
  }
}

const maxFunctionCallBytes = 1024 * 1024
const maxSmallMessageBytes = 64 * 1024
