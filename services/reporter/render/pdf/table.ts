import type { Column, TableBlock } from '../../../../reports/report-document.ts'
import type { Element, Sheet, Style } from './sheet.ts'
import { ink, lineHeight, styles } from './sheet.ts'

const padding = { x: 5, y: 3.2 } as const

interface Place {
  readonly column: Column
  readonly x: number
  readonly width: number
}

/**
 * A table by hand: pdfkit's own takes seconds for some hundred tagged rows and does not repeat its header. Rows are kept whole; the
 * header comes again on each page, as an artifact, so that it is read aloud once.
 */
export function drawTable(sheet: Sheet, block: TableBlock, number: number): void {
  const places = placesOf(sheet, block.columns)
  const header = block.columns.map(({ title }) => title)
  const first = block.rows[0] ?? []
  const title = `Table ${number}. ${block.caption}`
  sheet.need(rowHeight(sheet, places, header, styles.strong) + rowHeight(sheet, places, first) + 30)
  const table = sheet.element('Table')
  caption(sheet, table, title)
  const head = sheet.element('THead', table)
  drawRow(sheet, places, header, { parent: head, cell: 'TH', style: styles.strong, fill: ink.head })
  head.end()
  const body = sheet.element('TBody', table)
  block.rows.forEach((cells, index) => {
    next(sheet, places, header, title, rowHeight(sheet, places, cells))
    const fill = index % 2 === 1 ? ink.shade : null
    drawRow(sheet, places, cells, { parent: body, cell: 'TD', style: styles.cell, fill })
  })
  body.end()
  if (block.total !== undefined) {
    next(sheet, places, header, title, rowHeight(sheet, places, block.total, styles.strong))
    const foot = sheet.element('TFoot', table)
    drawRow(sheet, places, block.total, {
      parent: foot,
      cell: 'TD',
      style: styles.strong,
      fill: ink.head,
    })
    foot.end()
  }
  table.end()
  sheet.gap(3)
  if (block.remark !== undefined) sheet.paragraph('P', block.remark, styles.quiet)
  sheet.gap(12)
}

function caption(sheet: Sheet, table: Element, title: string): void {
  const element = sheet.element('Caption', table)
  const lines = sheet.setter.lines(title, styles.caption.font, styles.caption.size, sheet.width)
  element.add(() => {
    sheet.write(lines, styles.caption, sheet.left, sheet.y)
  })
  element.end()
  sheet.y += lines.length * lineHeight(styles.caption) + 3
}

/** Goes to a new page when the row does not fit, and says there which table goes on. */
function next(
  sheet: Sheet,
  places: readonly Place[],
  header: readonly string[],
  title: string,
  height: number,
): void {
  if (!sheet.need(height)) return
  const y = sheet.y
  sheet.artifact(() => {
    sheet.write([`${title}, continued`], styles.quiet, sheet.left, y)
  })
  sheet.y += lineHeight(styles.quiet) + 3
  drawRow(sheet, places, header, { parent: null, cell: 'TH', style: styles.strong, fill: ink.head })
}

interface RowStyle {
  /** Null draws an artifact. */
  readonly parent: Element | null
  readonly cell: 'TH' | 'TD'
  readonly style: Style
  readonly fill: string | null
}

function drawRow(
  sheet: Sheet,
  places: readonly Place[],
  cells: readonly string[],
  { parent, cell, style, fill }: RowStyle,
): void {
  const height = rowHeight(sheet, places, cells, style)
  const { y } = sheet
  sheet.artifact((doc) => {
    if (fill !== null) doc.rect(sheet.left, y, sheet.width, height).fill(fill)
    doc
      .moveTo(sheet.left, y + height)
      .lineTo(sheet.left + sheet.width, y + height)
      .lineWidth(0.5)
      .stroke(ink.line)
  })
  const row = parent === null ? null : sheet.element('TR', parent)
  places.forEach((place, index) => {
    const used = styleOf(place, style, cell)
    const lines = linesOf(sheet, place, cells[index] ?? '', used)
    const draw = (): void => {
      const right = place.column.align === 'right' ? place.x + place.width - padding.x : undefined
      sheet.write(lines, used, place.x + padding.x, y + padding.y, right)
    }
    if (row === null) {
      sheet.artifact(draw)
      return
    }
    const element = sheet.element(cell, row, cell === 'TH' ? { scope: 'Column' } : {})
    element.add(draw)
    element.end()
  })
  row?.end()
  sheet.y += height
}

function placesOf(sheet: Sheet, columns: readonly Column[]): readonly Place[] {
  const shares = columns.reduce((sum, { share }) => sum + share, 0)
  let x = sheet.left
  return columns.map((column) => {
    const width = (sheet.width * column.share) / shares
    const place = { column, x, width }
    x += width
    return place
  })
}

function rowHeight(
  sheet: Sheet,
  places: readonly Place[],
  cells: readonly string[],
  style: Style = styles.cell,
): number {
  const heights = places.map((place, index) => {
    const used = styleOf(place, style, 'TD')
    return linesOf(sheet, place, cells[index] ?? '', used).length * lineHeight(used)
  })
  return Math.max(...heights, lineHeight(style)) + 2 * padding.y
}

function styleOf({ column }: Place, style: Style, cell: 'TH' | 'TD'): Style {
  return column.isCode === true && cell === 'TD' && style === styles.cell ? styles.code : style
}

function linesOf(sheet: Sheet, place: Place, text: string, style: Style): readonly string[] {
  return sheet.setter.lines(text, style.font, style.size, place.width - 2 * padding.x)
}
