import { hash } from 'node:crypto'

export const saltBytes = 32

/** The prefix keeps a commitment apart from the leaf (0x00) and node (0x01) hashes of the tree. */
const commitmentPrefix = 0x10
const prefixBytes = 1 + saltBytes

/** One thread, no await between: the scratch buffer is never shared. Larger payloads get one of their own. */
const scratch = Buffer.alloc(64 * 1024, commitmentPrefix)

/** SHA-256(0x10 ‖ salt32 ‖ payload), base64: binds an entry to its payload, and tells nothing about it once the salt is gone. */
export function payloadCommitment(salt: Buffer, payload: Buffer): string {
  const size = prefixBytes + payload.length
  const bytes = size <= scratch.length ? scratch : Buffer.alloc(size, commitmentPrefix)
  bytes.set(salt, 1)
  bytes.set(payload, prefixBytes)
  return hash('sha256', bytes.subarray(0, size), 'base64')
}
