import PdfKit from 'pdfkit'

import type { Block, ReportDocument, TableBlock } from '../../../../reports/report-document.ts'
import { count } from '../../../../reports/report-document.ts'
import { drawBars, drawHeat } from './charts.ts'
import { drawCover, drawContents, drawFurniture } from './front-matter.ts'
import { Sheet, ink, lineHeight, styles } from './sheet.ts'
import { drawTable } from './table.ts'
import { registerFonts } from './type-setter.ts'

export interface Numbers {
  table: number
  figure: number
}

/**
 * The report as PDF 1.7: tagged, fonts embedded, shaped as PDF/A-3a (nobody certified that it conforms). The same document and date
 * give the same bytes.
 */
export async function writePdf(
  document: ReportDocument,
  dateMs: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const date = new Date(dateMs)
  const doc = new PdfKit({
    size: 'A4',
    autoFirstPage: false,
    bufferPages: true,
    pdfVersion: '1.7',
    subset: 'PDF/A-3a',
    tagged: true,
    lang: 'en',
    displayTitle: true,
    // Without it a font that is not embedded is set, which PDF/A forbids; the types do not know.
    font: null as unknown as string,
    info: {
      Title: xml(`${document.title}, ${document.header}`),
      Author: xml(document.author),
      Subject: xml(document.subtitle),
      CreationDate: date,
      ModDate: date,
    },
  })
  const written = collect(doc)
  registerFonts(doc)
  const sheet = new Sheet(doc)
  drawCover(sheet, document)
  sheet.newPage()
  const contents = sheet.element('TOC')
  const places: { title: string; page: number }[] = []
  const numbers: Numbers = { table: 0, figure: 0 }
  document.sections.forEach(({ title, blocks, isLandscape }, index) => {
    const isTurned = isLandscape === true
    if (index === 0 || isTurned !== sheet.isLandscape) sheet.newPage(isTurned)
    else if (!sheet.need(190)) sheet.gap(14)
    const numbered = `${index + 1}. ${title}`
    places.push({ title: numbered, page: sheet.pageIndex + 1 })
    doc.outline.addItem(numbered)
    sheet.paragraph('H1', numbered, styles.section)
    sheet.gap(7)
    for (const block of blocks) drawBlock(sheet, block, numbers)
  })
  drawContents(sheet, contents, places)
  sheet.root.end()
  drawFurniture(sheet, document)
  doc.end()
  return written
}

function drawBlock(sheet: Sheet, block: Block, numbers: Numbers): void {
  switch (block.kind) {
    case 'text':
      sheet.paragraph('P', block.text, styles.body)
      sheet.gap(7)
      return
    case 'heading':
      sheet.need(80)
      sheet.gap(4)
      sheet.paragraph('H2', block.text, styles.heading)
      sheet.gap(4)
      return
    case 'note':
      drawNote(sheet, block.text)
      return
    case 'facts':
      for (const { name, value } of block.facts) drawFact(sheet, name, value)
      sheet.gap(8)
      return
    case 'lines':
      sheet.need(70)
      sheet.paragraph('P', block.caption, styles.caption)
      for (const line of block.lines) sheet.paragraph('Code', line, styles.code, 8)
      sheet.gap(10)
      return
    case 'table':
      drawTable(sheet, block, ++numbers.table)
      return
    case 'bars':
      drawBars(sheet, block, ++numbers.figure)
      drawTable(sheet, barsTable(block), ++numbers.table)
      return
    case 'heat':
      drawHeat(sheet, block, ++numbers.figure)
      drawTable(sheet, heatTable(block), ++numbers.table)
      return
  }
}

function drawNote(sheet: Sheet, text: string): void {
  const style = styles.body
  const lines = sheet.setter.lines(text, style.font, style.size, sheet.width - 24)
  const height = lines.length * lineHeight(style) + 14
  sheet.need(height)
  const { y, left, width } = sheet
  sheet.artifact((doc) => {
    doc.rect(left, y, width, height).fill(ink.shade)
    doc.rect(left, y, 3, height).fill(ink.accent)
  })
  const element = sheet.element('P')
  element.add(() => {
    sheet.write(lines, style, left + 14, y + 7)
  })
  element.end()
  sheet.y = y + height + 10
}

function drawFact(sheet: Sheet, name: string, value: string): void {
  const indent = 150
  const isHash = /^[0-9a-f ]{40,}$/.test(value)
  const style = isHash ? styles.code : styles.body
  const names = sheet.setter.lines(name, 'bold', 9.5, indent - 10)
  const values = sheet.setter.lines(value, style.font, style.size, sheet.width - indent)
  const used = { ...styles.caption, leading: 1.42 }
  const height = Math.max(names.length * lineHeight(used), values.length * lineHeight(style)) + 3
  sheet.need(height)
  const { y, left } = sheet
  const element = sheet.element('P')
  element.add(() => {
    sheet.write([...names.slice(0, -1), `${names.at(-1) ?? ''}: `], used, left, y)
  })
  element.add(() => {
    sheet.write(values, style, left + indent, y)
  })
  element.end()
  sheet.y = y + height
}

function barsTable({
  caption,
  unit,
  categories,
  series,
}: Extract<Block, { kind: 'bars' }>): TableBlock {
  return {
    kind: 'table',
    caption: `${caption}, ${unit}`,
    columns: [
      { title: 'Day', share: 2 },
      ...series.map(({ name }) => ({ title: name, share: 1.5, align: 'right' as const })),
      { title: 'All', share: 1.5, align: 'right' },
    ],
    rows: categories.map((category, at) => [
      category,
      ...series.map(({ values }) => count(values[at] ?? 0)),
      count(series.reduce((sum, { values }) => sum + (values[at] ?? 0), 0)),
    ]),
  }
}

/** Days down, so that a month fits on a page. */
function heatTable({
  caption,
  unit,
  rows,
  columns,
  values,
}: Extract<Block, { kind: 'heat' }>): TableBlock {
  return {
    kind: 'table',
    caption: `${caption}, ${unit}`,
    columns: [
      { title: 'Day', share: 2 },
      ...rows.map((title) => ({ title, share: 1.5, align: 'right' as const })),
    ],
    rows: columns.map((column, at) => [
      column,
      ...rows.map((_, row) => count(values[row]?.[at] ?? 0)),
    ]),
  }
}

function collect(doc: PDFKit.PDFDocument): Promise<Uint8Array<ArrayBuffer>> {
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array<ArrayBuffer>>()
  const pieces: Buffer[] = []
  doc.on('data', (piece: Buffer) => pieces.push(piece))
  doc.on('end', () => {
    resolve(new Uint8Array(Buffer.concat(pieces)))
  })
  doc.on('error', reject)
  return promise
}

/** pdfkit writes these into XMP as they are. */
function xml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
