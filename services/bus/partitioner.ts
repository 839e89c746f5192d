/**
 * The partition of a key: Kafka's own rule, computed here so that no client's default can move a session to another log.
 * A key never changes its partition while the partition count stays.
 */
export function partitionOf(key: Uint8Array, partitions: number): number {
  return (murmur2(key) & 0x7fffffff) % partitions
}

const multiplier = 0x5bd1e995
const seed = 0x9747b28c

/** MurmurHash2 in the 32-bit variant of Kafka's clients, as a signed number. */
export function murmur2(data: Uint8Array): number {
  const words = data.length >> 2
  let hash = seed ^ data.length
  for (let word = 0; word < words; word += 1) {
    const at = word * 4
    let mixed = byteAt(data, at)
    mixed |= byteAt(data, at + 1) << 8
    mixed |= byteAt(data, at + 2) << 16
    mixed |= byteAt(data, at + 3) << 24
    mixed = Math.imul(mixed, multiplier)
    mixed ^= mixed >>> 24
    hash = Math.imul(hash, multiplier) ^ Math.imul(mixed, multiplier)
  }
  const rest = data.length & 3
  if (rest > 0) {
    const at = words * 4
    if (rest === 3) hash ^= byteAt(data, at + 2) << 16
    if (rest >= 2) hash ^= byteAt(data, at + 1) << 8
    hash = Math.imul(hash ^ byteAt(data, at), multiplier)
  }
  hash = Math.imul(hash ^ (hash >>> 13), multiplier)
  return (hash ^ (hash >>> 15)) | 0
}

function byteAt(data: Uint8Array, at: number): number {
  return data[at] ?? 0
}
