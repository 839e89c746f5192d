/** CRC-32C (Castagnoli), by which Kafka tells damaged batches. Sixteen bytes at a time, each through a table of its own. */
export function crc32c(bytes: Uint8Array, from: number, to: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let crc = -1
  let at = from
  for (; at + slices <= to; at += slices) {
    crc =
      word(12, crc ^ view.getInt32(at, true)) ^
      word(8, view.getInt32(at + 4, true)) ^
      word(4, view.getInt32(at + 8, true)) ^
      word(0, view.getInt32(at + 12, true))
  }
  for (; at < to; at += 1) crc = step(0, (crc ^ (bytes[at] ?? 0)) & 0xff) ^ (crc >>> 8)
  return ~crc >>> 0
}

const slices = 16
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

/** Four bytes, the lowest first, with so many zero bytes after them. */
function word(zeros: number, value: number): number {
  return (
    step(zeros + 3, value & 0xff) ^
    step(zeros + 2, (value >>> 8) & 0xff) ^
    step(zeros + 1, (value >>> 16) & 0xff) ^
    step(zeros, value >>> 24)
  )
}

function step(zeros: number, value: number): number {
  return tables[zeros * 256 + value] ?? 0
}
