/** What can be found in free text; also the class that findings are counted under. */
export type DetectorName = 'card' | 'email' | 'iban' | 'jwt' | 'key' | 'national-id' | 'phone'

/**
 * Where the part that begins at `at` of a UTF-8 text ends; 0 when none begins there. `before` is the byte before it, a blank at the
 * start. A call reads no more than a fixed number of bytes, or nothing that another call reads again: a text takes linear time.
 */
export type Detector = (text: Buffer, at: number, end: number, before: number) => number

export function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39
}

/** ASCII only. */
export function isLetter(byte: number): boolean {
  const lower = byte | 0x20
  return lower >= 0x61 && lower <= 0x7a
}

export function isAlphanumeric(byte: number): boolean {
  return isDigit(byte) || isLetter(byte)
}

/** Whether the part that ends at `at` is a word of its own there. */
export function endsWord(text: Buffer, at: number, end: number): boolean {
  return at >= end || !isAlphanumeric(text[at] ?? 0)
}
