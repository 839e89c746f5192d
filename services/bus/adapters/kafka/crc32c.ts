/** CRC-32C (Castagnoli), by which Kafka tells damaged batches. Eight bytes at a time, each through a table of its own. */
export function crc32c(bytes: Uint8Array, from: number, to: number): number {
  let crc = -1
  let at = from
  for (; at + slices <= to; at += slices) {
    const low =
      crc ^
      (byte(bytes, at) |
        (byte(bytes, at + 1) << 8) |
        (byte(bytes, at + 2) << 16) |
        (byte(bytes, at + 3) << 24))
    crc =
      step(7, low & 0xff) ^
      step(6, (low >>> 8) & 0xff) ^
      step(5, (low >>> 16) & 0xff) ^
      step(4, low >>> 24) ^
      step(3, byte(bytes, at + 4)) ^
      step(2, byte(bytes, at + 5)) ^
      step(1, byte(bytes, at + 6)) ^
      step(0, byte(bytes, at + 7))
  }
  for (; at < to; at += 1) crc = step(0, (crc ^ byte(bytes, at)) & 0xff) ^ (crc >>> 8)
  return ~crc >>> 0
}

const slices = 8
const reversedPolynomial = 0x82f63b78

/** Table t at `256 t`: what a byte comes to with t zero bytes after it. */
const tables = makeTables()

function makeTables(): Int32Array {
  const made = new Int32Array(slices * 256)
  for (let value = 0; value < 256; value += 1) {
    let crc = value
    for (let bit = 0; bit < 8; bit += 1) {
      crc = (crc & 1) === 0 ? crc >>> 1 : (crc >>> 1) ^ reversedPolynomial
    }
    made[value] = crc
  }
  for (let at = 256; at < made.length; at += 1) {
    const shorter = made[at - 256] ?? 0
    made[at] = (made[shorter & 0xff] ?? 0) ^ (shorter >>> 8)
  }
  return made
}

function step(zeros: number, value: number): number {
  return tables[zeros * 256 + value] ?? 0
}

function byte(bytes: Uint8Array, at: number): number {
  return bytes[at] ?? 0
}
