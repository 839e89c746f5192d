import { fileURLToPath } from 'node:url'

/** A document of pdfkit. */
export type Pdf = PDFKit.PDFDocument

export type Font = 'regular' | 'bold' | 'code'

const files: Readonly<Record<Font, string>> = {
  regular: 'DejaVuSansCondensed.ttf',
  bold: 'DejaVuSansCondensed-Bold.ttf',
  code: 'DejaVuSansMono.ttf',
}

export function registerFonts(doc: Pdf): void {
  for (const [name, file] of Object.entries(files)) {
    doc.registerFont(name, fileURLToPath(import.meta.resolve(`dejavu-fonts-ttf/ttf/${file}`)))
  }
}

interface OpenFont {
  readonly font: { hasGlyphForCodePoint(code: number): boolean }
}

/** Measures and breaks text. Widths of single letters are kept: asking the font for every word is what makes tables slow. */
export class TypeSetter {
  readonly #doc: Pdf
  readonly #widths: Record<Font, Map<string, number>> = {
    regular: new Map(),
    bold: new Map(),
    code: new Map(),
  }
  readonly #shown = new Map<string, string>()

  constructor(doc: Pdf) {
    this.#doc = doc
  }

  width(text: string, font: Font, size: number): number {
    const widths = this.#widths[font]
    let width = 0
    for (const letter of text) {
      let known = widths.get(letter)
      if (known === undefined) {
        known = this.#doc.font(font).fontSize(1000).widthOfString(letter) / 1000
        widths.set(letter, known)
      }
      width += known
    }
    return width * size
  }

  /** Lines that fit; words that do not are cut. Letters that the fonts lack are written as their code. */
  lines(text: string, font: Font, size: number, width: number): readonly string[] {
    const lines: string[] = []
    let line = ''
    for (const word of this.#printable(text).split(' ')) {
      const longer = line === '' ? word : `${line} ${word}`
      if (this.width(longer, font, size) <= width) {
        line = longer
        continue
      }
      if (line !== '') lines.push(line)
      line = word
      while (this.width(line, font, size) > width) {
        const fits = this.#fitting(line, font, size, width)
        lines.push(line.slice(0, fits))
        line = line.slice(fits)
      }
    }
    return [...lines, line]
  }

  // Cuts after a sign that separates where there is one.
  #fitting(word: string, font: Font, size: number, width: number): number {
    let fits = 0
    let used = 0
    let separated = 0
    for (const letter of word) {
      used += this.width(letter, font, size)
      if (used > width && fits > 0) break
      fits += letter.length
      if ('./-_:,+'.includes(letter)) separated = fits
    }
    return separated > fits / 2 ? separated : fits
  }

  // A glyph that is missing would be an empty box, which PDF/A forbids.
  #printable(text: string): string {
    let printable = ''
    for (const letter of text.replaceAll(/\s+/g, ' ')) {
      let shown = this.#shown.get(letter)
      if (shown === undefined) {
        shown = this.#isDrawable(letter) ? letter : codeOf(letter)
        this.#shown.set(letter, shown)
      }
      printable += shown
    }
    return printable
  }

  #isDrawable(letter: string): boolean {
    const code = letter.codePointAt(0) ?? 0
    if (code < 32 || (code >= 127 && code < 160)) return false
    return (Object.keys(files) as Font[]).every((name) => {
      const open = (this.#doc.font(name) as unknown as { _font: OpenFont })._font
      return open.font.hasGlyphForCodePoint(code)
    })
  }
}

function codeOf(letter: string): string {
  const hex = (letter.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')
  return `U+${hex}`
}
