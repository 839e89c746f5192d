import { BodyReader } from './body-reader.ts'
import { frontend } from './message-types.ts'
import { MessageWriter } from './message-writer.ts'

export interface SaslInitialResponse {
  readonly mechanism: string
  readonly data: Buffer
}

// SASLInitialResponse: String mechanism, Int32 length or -1, bytes
export function decodeSaslInitial(body: Buffer): SaslInitialResponse {
  const reader = new BodyReader(body, 0, body.length)
  const mechanism = reader.utf8()
  const length = reader.int32()
  const data = length === -1 ? Buffer.alloc(0) : reader.bytes(length)
  reader.finish()
  return { mechanism, data }
}

export function encodeSaslInitial(response: SaslInitialResponse): Buffer {
  return new MessageWriter(frontend.password)
    .utf8(response.mechanism)
    .int32(response.data.length)
    .bytes(response.data)
    .finish()
}
