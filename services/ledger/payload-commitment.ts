import { hash } from 'node:crypto'

export const saltBytes = 32

/** The prefix keeps a commitment apart from the leaf (0x00) and node (0x01) hashes of the tree. */
const commitmentPrefix = 0x10

/** SHA-256(0x10 ‖ salt32 ‖ payload), base64: binds an entry to its payload, and tells nothing about it once the salt is gone. */
export function payloadCommitment(salt: Buffer, payload: Buffer): string {
  const bytes = Buffer.allocUnsafe(1 + saltBytes + payload.length)
  bytes[0] = commitmentPrefix
  salt.copy(bytes, 1)
  payload.copy(bytes, 1 + saltBytes)
  return hash('sha256', bytes, 'base64')
}
