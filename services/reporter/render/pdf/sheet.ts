import type { Font, Pdf } from './type-setter.ts'
import { TypeSetter } from './type-setter.ts'

export const margin = { left: 42, right: 42, top: 62, bottom: 56 } as const

export const ink = {
  text: '#1c2733',
  quiet: '#55636f',
  accent: '#17456b',
  line: '#c3ccd4',
  shade: '#eef2f5',
  head: '#dde6ed',
  warn: '#8a3b12',
} as const

export interface Style {
  readonly font: Font
  readonly size: number
  readonly color: string
  /** Height of a line, times the size. */
  readonly leading: number
}

export const styles = {
  body: { font: 'regular', size: 10, color: ink.text, leading: 1.42 },
  quiet: { font: 'regular', size: 9, color: ink.quiet, leading: 1.35 },
  section: { font: 'bold', size: 16, color: ink.accent, leading: 1.3 },
  heading: { font: 'bold', size: 11.5, color: ink.accent, leading: 1.35 },
  caption: { font: 'bold', size: 9.5, color: ink.text, leading: 1.35 },
  cell: { font: 'regular', size: 9, color: ink.text, leading: 1.28 },
  code: { font: 'code', size: 9, color: ink.text, leading: 1.32 },
  strong: { font: 'bold', size: 9, color: ink.text, leading: 1.28 },
} as const satisfies Record<string, Style>

export type Element = ReturnType<Pdf['struct']>

/** The page that is written on, from the top: keeps the place, begins new pages, and tags everything that it draws. */
export class Sheet {
  readonly doc: Pdf
  readonly setter: TypeSetter
  readonly root: Element
  y = 0
  #isLandscape = false

  constructor(doc: Pdf) {
    this.doc = doc
    this.setter = new TypeSetter(doc)
    this.root = doc.struct('Document')
    doc.addStructure(this.root)
  }

  get left(): number {
    return margin.left
  }

  get width(): number {
    return this.doc.page.width - margin.left - margin.right
  }

  get bottom(): number {
    return this.doc.page.height - margin.bottom
  }

  get isLandscape(): boolean {
    return this.#isLandscape
  }

  /** Page numbers begin with 0. */
  get pageIndex(): number {
    const { start, count } = this.doc.bufferedPageRange()
    return start + count - 1
  }

  newPage(isLandscape = this.#isLandscape): void {
    this.#isLandscape = isLandscape
    this.doc.addPage({
      size: 'A4',
      layout: isLandscape ? 'landscape' : 'portrait',
      margins: { ...margin, bottom: 0 },
    })
    this.y = margin.top
  }

  /** Begins a new page when less than this is left. */
  need(height: number): boolean {
    if (this.y + height <= this.bottom) return false
    this.newPage()
    return true
  }

  /** An element with everything that belongs to it. */
  element(type: string, parent: Element = this.root, options: object = {}): Element {
    const element = this.doc.struct(type, options)
    parent.add(element)
    return element
  }

  /** Draws what carries no meaning. */
  artifact(draw: (doc: Pdf) => void): void {
    this.doc.markContent('Artifact', { type: 'Layout' })
    this.doc.save()
    draw(this.doc)
    this.doc.restore()
    this.doc.endMarkedContent()
  }

  /** Draws lines at a place; the space at the end of a line keeps words apart for those who listen. */
  write(lines: readonly string[], style: Style, x: number, y: number, rightEdge?: number): void {
    const { doc, setter } = this
    lines.forEach((line, index) => {
      const at =
        rightEdge === undefined ? x : rightEdge - setter.width(line, style.font, style.size)
      const text = index < lines.length - 1 ? `${line} ` : line
      if (text === '') return
      // Last, since measuring sets fonts, too.
      doc.font(style.font).fontSize(style.size).fillColor(style.color)
      doc.text(text, at, y + index * lineHeight(style), { lineBreak: false })
    })
  }

  /** A paragraph over as many pages as it takes. */
  paragraph(type: string, text: string, style: Style, indent = 0): void {
    const lines = this.setter.lines(text, style.font, style.size, this.width - indent)
    this.flow(type, lines, style, indent)
  }

  flow(type: string, lines: readonly string[], style: Style, indent = 0): void {
    const element = this.element(type)
    let from = 0
    while (from < lines.length) {
      this.need(lineHeight(style) * Math.min(2, lines.length - from))
      const room = Math.max(1, Math.floor((this.bottom - this.y) / lineHeight(style)))
      const part = lines.slice(from, from + room)
      const { y } = this
      element.add(() => {
        this.write(part, style, this.left + indent, y)
      })
      this.y += part.length * lineHeight(style)
      from += part.length
    }
    element.end()
  }

  gap(height: number): void {
    this.y = Math.min(this.y + height, this.bottom)
  }
}

export function lineHeight(style: Style): number {
  return style.size * style.leading
}
