/**
 * The text of a statement with its plain literals taken out: two texts of one shape have the same syntax tree but for the values
 * of constants. Null where that is not certain at a glance: anything that needs PostgreSQL's whole lexer (escapes, quoted
 * identifiers, dollar quotes, comments, bytes outside ASCII, numbers that run into letters), and text without a literal.
 */
export function statementShape(text: string): string | null {
  let shape = ''
  let copied = 0
  let at = 0
  const { length } = text
  while (at < length) {
    const code = text.charCodeAt(at)
    const kind = code < 128 ? kinds[code] : stop
    if (kind === stop) return null
    if (kind === word) {
      // Digits inside a word belong to it.
      do at++
      while (at < length && isWord(text.charCodeAt(at)))
      // E'…', B'…', U&'…' and the like read what follows in their own way.
      if (text.charCodeAt(at) === quote) return null
    } else if (kind === digit) {
      shape += text.slice(copied, at)
      at = endOfNumber(text, at)
      if (at < 0) return null
      shape += '0'
      copied = at
    } else if (code === quote) {
      shape += text.slice(copied, at)
      at = endOfString(text, at)
      if (at < 0) return null
      shape += "''"
      copied = at
    } else {
      const next = text.charCodeAt(at + 1)
      if ((code === minus && next === minus) || (code === slash && next === star)) return null
      at++
    }
  }
  return copied === 0 ? null : shape + text.slice(copied)
}

/** Digits, with a fraction or without; -1 when anything follows that might belong to it. */
function endOfNumber(text: string, start: number): number {
  let at = start
  while (isDigit(text.charCodeAt(at))) at++
  if (text.charCodeAt(at) === point && isDigit(text.charCodeAt(at + 1))) {
    at++
    while (isDigit(text.charCodeAt(at))) at++
  }
  const next = text.charCodeAt(at)
  return next === point || next === quote || isWord(next) ? -1 : at
}

/** Behind the closing quote; -1 for a string that is not plain. A doubled quote stands for one. */
function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === backslash || code >= 128) return -1
    if (code !== quote) continue
    if (text.charCodeAt(at + 1) !== quote) return at + 1
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
