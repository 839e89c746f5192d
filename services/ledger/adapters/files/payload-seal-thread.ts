import { sealHere } from './payload-sealing.ts'
import type { SealRequest } from './payload-sealing.ts'
import { answerCalls } from './thread-calls.ts'

answerCalls<ArrayBuffer>(
  (request) => {
    const { bytes, places, keys } = request as SealRequest
    sealHere({ bytes: Buffer.from(bytes), places, keys })
    return bytes
  },
  (bytes) => [bytes],
)
