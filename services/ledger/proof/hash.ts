import { hash } from 'node:crypto'

/**
 * The hashes of an RFC 6962 tree (§2.1): SHA-256(0x00 ‖ entry) for a leaf, SHA-256(0x01 ‖ left ‖ right) for a node, SHA-256 of
 * nothing for an empty tree. Asking node:crypto for a latin1 string, which it calls binary, is several times faster than for a
 * Buffer, and keeps every byte.
 */

export const hashBytes = 32

export const emptyRoot = hash('sha256', '', 'buffer')

export function leafHash(entry: Uint8Array): Buffer {
  const prefixed = Buffer.allocUnsafe(entry.length + 1)
  prefixed[0] = 0
  prefixed.set(entry, 1)
  const leaf = Buffer.allocUnsafe(hashBytes)
  writeLeafHash(prefixed, leaf, 0)
  return leaf
}

/** The leaf hash of an entry that has the byte 0x00 before it in `prefixed`, written to `target` at `position`. */
export function writeLeafHash(prefixed: Uint8Array, target: Buffer, position: number): void {
  writeDigest(target, hash('sha256', prefixed, 'binary'), position)
}

const pair = Buffer.alloc(1 + 2 * hashBytes, 1)

/** Both halves are hashes of 32 bytes: whoever takes them from outside has checked that. */
export function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  const node = Buffer.allocUnsafe(hashBytes)
  writeNodeHash(left, right, node, 0)
  return node
}

export function writeNodeHash(
  left: Uint8Array,
  right: Uint8Array,
  target: Buffer,
  position: number,
): void {
  // One thread, no await between: the scratch buffer is never shared.
  pair.set(left, 1)
  pair.set(right, 1 + hashBytes)
  writeDigest(target, hash('sha256', pair, 'binary'), position)
}

function writeDigest(target: Buffer, digest: string, position: number): void {
  target.write(digest, position, hashBytes, 'latin1')
}
