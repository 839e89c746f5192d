/**
 * The text of a statement with its plain literals taken out: two texts of one shape have the same syntax tree but for the values
 * of constants.
 *
 * Writes the shape of the text in [start, end) of `bytes` to the beginning of `shape`, which has room for the whole text, and returns its
 * length. -1 where that is not certain at a glance: anything that needs PostgreSQL's whole lexer (escapes, quoted identifiers, dollar
 * quotes, comments, bytes outside ASCII, numbers that run into letters), and text without a literal.
 */
export function writeShape(bytes: Buffer, start: number, end: number, shape: Buffer): number {
  let length = 0
  let hasLiteral = false
  for (let at = start; at < end;) {
    const code = bytes[at] ?? 0
    const kind = code < 128 ? kinds[code] : stop
    if (kind === stop) return -1
    if (kind === digit) {
      at = endOfNumber(bytes, at, end)
      if (at < 0) return -1
      shape[length++] = zero
      hasLiteral = true
    } else if (code === quote) {
      at = endOfString(bytes, at, end)
      if (at < 0) return -1
      shape[length++] = quote
      shape[length++] = quote
      hasLiteral = true
    } else if (kind === word) {
      // Digits inside a word belong to it.
      do shape[length++] = bytes[at++] ?? 0
      while (at < end && isWord(bytes[at] ?? 0))
      // E'…', B'…', U&'…' and the like read what follows in their own way.
      if (at < end && bytes[at] === quote) return -1
    } else {
      const next = at + 1 < end ? bytes[at + 1] : 0
      if ((code === minus && next === minus) || (code === slash && next === star)) return -1
      shape[length++] = code
      at++
    }
  }
  return hasLiteral ? length : -1
}

/** Digits, with a fraction or without; -1 when anything follows that might belong to it. */
function endOfNumber(bytes: Buffer, start: number, end: number): number {
  let at = endOfDigits(bytes, start, end)
  if (at + 1 < end && bytes[at] === point && isDigit(bytes[at + 1] ?? 0)) {
    at = endOfDigits(bytes, at + 1, end)
  }
  if (at === end) return at
  const next = bytes[at] ?? 0
  return next === point || next === quote || isWord(next) ? -1 : at
}

function endOfDigits(bytes: Buffer, start: number, end: number): number {
  let at = start
  while (at < end && isDigit(bytes[at] ?? 0)) at++
  return at
}

/** Behind the closing quote; -1 for a string that is not plain. A doubled quote stands for one. */
function endOfString(bytes: Buffer, start: number, end: number): number {
  for (let at = start + 1; at < end; at++) {
    const code = bytes[at] ?? 0
    if (code === backslash || code >= 128) return -1
    if (code !== quote) continue
    if (at + 1 === end || bytes[at + 1] !== quote) return at + 1
    at++
  }
  return -1
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39
}

function isWord(code: number): boolean {
  return code < 128 && (kinds[code] === word || kinds[code] === digit)
}

const zero = 0x30
const quote = 0x27
const minus = 0x2d
const slash = 0x2f
const star = 0x2a
const point = 0x2e
const backslash = 0x5c

const plain = 0
const word = 1
const digit = 2
const stop = 3

const kinds = Uint8Array.from({ length: 128 }, (_, code) => {
  const character = String.fromCharCode(code)
  if (/[A-Za-z_]/.test(character)) return word
  if (/[0-9]/.test(character)) return digit
  // A $ begins a parameter or a dollar quote, & may follow a U; control characters other than blanks are no SQL.
  return /["\\$&]/.test(character) || (code < 32 && !/[\t\n\r]/.test(character)) ? stop : plain
})
