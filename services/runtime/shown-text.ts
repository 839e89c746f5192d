// Controls but for tab and line feed; what formats, such as the marks that turn the direction of text or have no width; separators of
// lines that only some programs break at; and letters that are blank. A carriage return is one unless it ends a line.
const unseen = /(?!\t|\r?\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\u115F\u1160\u3164\uFFA0]/gu

/**
 * Text of somebody else's, for a person who judges by it: each character that cannot be seen, or that would change how the rest
 * looks, is named, as in `⟨U+202E⟩`. Without that, what an approver reads need not be what runs. Line feeds and tabs stay.
 */
export function shownText(text: string): string {
  return text.replace(unseen, (character) => {
    const code = (character.codePointAt(0) ?? 0).toString(16).toUpperCase()
    return `⟨U+${code.padStart(4, '0')}⟩`
  })
}

/** The same of its beginning, where it is long: then it ends with ` …`. */
export function shownStart(text: string, mostCharacters: number): string {
  if (text.length <= mostCharacters) return shownText(text)
  // Not half of a character that takes two.
  return `${shownText(text.slice(0, mostCharacters).replace(/[\uD800-\uDBFF]$/, ''))} …`
}

/** The same on one line. */
export function shownLine(text: string, mostCharacters: number): string {
  return shownStart(text.replace(/[ \t\r\n]+/g, ' '), mostCharacters)
}
