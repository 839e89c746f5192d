import type { BarsBlock, HeatBlock } from '../../../../reports/report-document.ts'
import { count } from '../../../../reports/report-document.ts'
import type { Sheet, Style } from './sheet.ts'
import { ink, lineHeight, styles } from './sheet.ts'
import type { Pdf } from './type-setter.ts'

const colors = ['#17456b', '#5b9bc8', '#c98a2b', '#7d9a6f', '#8a5a83', '#9aa5ae'] as const

/** Bars stacked by series. What it says in colors is said again in the table that follows. */
export function drawBars(sheet: Sheet, block: BarsBlock, number: number): void {
  const height = 170
  figure(sheet, `Figure ${number}. ${block.caption}`, height + 24, alt(block), (doc, top) => {
    const { left, width } = sheet
    const plot = { x: left + 44, y: top + 8, width: width - 44, height: height - 34 }
    const totals = block.categories.map((_, at) => totalAt(block, at))
    const scale = niceScale(Math.max(...totals, 1))
    for (const tick of [0, 0.25, 0.5, 0.75, 1]) {
      const y = plot.y + plot.height * (1 - tick)
      doc
        .moveTo(plot.x, y)
        .lineTo(plot.x + plot.width, y)
        .lineWidth(tick === 0 ? 0.8 : 0.4)
        .stroke(tick === 0 ? ink.quiet : ink.line)
      sheet.write([count(scale * tick)], styles.quiet, left, y - 6, plot.x - 6)
    }
    const step = plot.width / block.categories.length
    const bar = Math.min(46, step * 0.66)
    const every = Math.ceil(58 / step)
    block.categories.forEach((category, at) => {
      const x = plot.x + step * (at + 0.5) - bar / 2
      let y = plot.y + plot.height
      block.series.forEach(({ values }, index) => {
        const part = ((values[at] ?? 0) / scale) * plot.height
        y -= part
        if (part > 0)
          doc.rect(x, y, bar, part).lineWidth(0.6).fillAndStroke(color(index), '#ffffff')
      })
      if (at % every !== 0) return
      const half = sheet.setter.width(category, 'regular', 9) / 2
      sheet.write([category], styles.quiet, x + bar / 2 - half, plot.y + plot.height + 5)
    })
    legend(
      sheet,
      doc,
      block.series.map(({ name }) => name),
      plot.x,
      plot.y + plot.height + 22,
    )
  })
}

/** Rows by columns, darker for more; hatched where there was nothing. */
export function drawHeat(sheet: Sheet, block: HeatBlock, number: number): void {
  const cell = 20
  const height = block.rows.length * cell + 26
  figure(sheet, `Figure ${number}. ${block.caption}`, height, altOfHeat(block), (doc, top) => {
    const { left, width } = sheet
    const names = 92
    const step = Math.min(64, (width - names) / block.columns.length)
    const most = Math.max(1, ...block.values.flat())
    block.rows.forEach((name, row) => {
      const y = top + 4 + row * cell
      sheet.write([name], styles.cell, left, y + 4)
      block.columns.forEach((_, column) => {
        const value = block.values[row]?.[column] ?? 0
        const x = left + names + column * step
        drawCell(sheet, doc, { x, y, width: step - 2, height: cell - 2, value, most })
      })
    })
    const every = Math.ceil(58 / step)
    block.columns.forEach((name, column) => {
      if (column % every !== 0) return
      sheet.write(
        [name],
        styles.quiet,
        left + names + column * step,
        top + 6 + block.rows.length * cell,
      )
    })
  })
}

interface HeatCell {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
  readonly value: number
  readonly most: number
}

function drawCell(sheet: Sheet, doc: Pdf, { x, y, width, height, value, most }: HeatCell): void {
  if (value === 0) {
    doc.rect(x, y, width, height).lineWidth(0.5).stroke(ink.line)
    for (let at = 4; at < width; at += 6) {
      doc
        .moveTo(x + at, y)
        .lineTo(x + Math.max(0, at - height), y + Math.min(height, at))
        .stroke(ink.line)
    }
    return
  }
  const depth = 0.15 + 0.85 * (Math.log1p(value) / Math.log1p(most))
  doc.rect(x, y, width, height).fillOpacity(1).fill(blend(depth))
  const text = count(value)
  const used = sheet.setter.width(text, 'regular', 9)
  if (used > width - 4) return
  const style: Style = { ...styles.cell, color: depth > 0.55 ? '#ffffff' : ink.text }
  sheet.write([text], style, x + (width - used) / 2, y + 3)
}

function figure(
  sheet: Sheet,
  title: string,
  height: number,
  alt: string,
  draw: (doc: Pdf, top: number) => void,
): void {
  sheet.need(height + 40)
  sheet.paragraph('P', title, styles.caption)
  const { left, width, y } = sheet
  const element = sheet.element('Figure', sheet.root, {
    alt,
    bbox: [left, y, left + width, y + height],
  })
  element.add(() => {
    sheet.doc.save()
    draw(sheet.doc, y)
    sheet.doc.restore()
  })
  element.end()
  sheet.y = y + height + 8
}

function legend(sheet: Sheet, doc: Pdf, names: readonly string[], x: number, y: number): void {
  let at = x
  names.forEach((name, index) => {
    doc.rect(at, y + 2, 8, 8).fill(color(index))
    sheet.write([name], styles.quiet, at + 12, y)
    at += 26 + sheet.setter.width(name, 'regular', styles.quiet.size)
  })
  doc.y = y + lineHeight(styles.quiet)
}

function totalAt({ series }: BarsBlock, at: number): number {
  return series.reduce((sum, { values }) => sum + (values[at] ?? 0), 0)
}

function alt(block: BarsBlock): string {
  const totals = block.categories.map((category, at) => `${category}: ${totalAt(block, at)}`)
  return `${block.caption}, in ${block.unit}. ${totals.join(', ')}. The table that follows has all numbers.`
}

function altOfHeat(block: HeatBlock): string {
  return `${block.caption}, in ${block.unit}, for ${block.rows.join(', ')}. The table that follows has all numbers.`
}

/** At least this, and a multiple of four: the axis has four steps. */
function niceScale(most: number): number {
  const unit = 10 ** Math.max(0, Math.floor(Math.log10(most)) - 1)
  const steps = [4, 8, 12, 16, 20, 24, 32, 40, 60, 80, 100]
  return steps.map((each) => each * unit).find((each) => each >= most) ?? most
}

function color(index: number): string {
  return colors[index % colors.length] ?? colors[0]
}

/** White to the accent. */
function blend(depth: number): string {
  const part = (dark: number): string =>
    Math.round(255 + (dark - 255) * depth)
      .toString(16)
      .padStart(2, '0')
  return `#${part(0x17)}${part(0x45)}${part(0x6b)}`
}
