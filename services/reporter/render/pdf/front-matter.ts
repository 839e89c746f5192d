import type { ReportDocument } from '../../../../reports/report-document.ts'
import type { Element, Sheet } from './sheet.ts'
import { ink, lineHeight, margin, styles } from './sheet.ts'

const titleStyle = { font: 'bold', size: 30, color: ink.accent, leading: 1.2 } as const
const subtitleStyle = { font: 'regular', size: 12.5, color: ink.quiet, leading: 1.4 } as const

export function drawCover(sheet: Sheet, document: ReportDocument): void {
  sheet.newPage(false)
  const { left, width } = sheet
  sheet.artifact((doc) => {
    doc.rect(0, 0, doc.page.width, 12).fill(ink.accent)
  })
  sheet.y = 120
  sheet.paragraph('P', document.author, { ...styles.heading, color: ink.quiet })
  sheet.gap(6)
  sheet.paragraph('P', document.title, titleStyle)
  sheet.paragraph('P', document.subtitle, subtitleStyle)
  sheet.gap(26)
  sheet.artifact((doc) => {
    doc
      .moveTo(left, sheet.y)
      .lineTo(left + width, sheet.y)
      .lineWidth(1)
      .stroke(ink.accent)
  })
  sheet.gap(20)
  for (const { name, value } of document.cover) {
    const { y } = sheet
    const lines = sheet.setter.lines(value, 'regular', styles.body.size, width - 130)
    const element = sheet.element('P')
    element.add(() => {
      sheet.write([`${name}: `], styles.caption, left, y)
    })
    element.add(() => {
      sheet.write(lines, styles.body, left + 130, y)
    })
    element.end()
    sheet.y = y + lines.length * lineHeight(styles.body) + 6
  }
  sheet.gap(26)
  drawStatement(sheet, document)
}

function drawStatement(sheet: Sheet, { statement, marking }: ReportDocument): void {
  const { left, width, y } = sheet
  const lines = sheet.setter.lines(statement, 'regular', styles.body.size, width - 28)
  const height = lines.length * lineHeight(styles.body) + 20
  sheet.artifact((doc) => {
    doc.rect(left, y, width, height).fill(ink.shade)
    doc.rect(left, y, 3, height).fill(ink.accent)
  })
  const element = sheet.element('P')
  element.add(() => {
    sheet.write(lines, styles.body, left + 16, y + 10)
  })
  element.end()
  sheet.y = sheet.doc.page.height - 96
  sheet.paragraph('P', marking, { ...styles.heading, color: ink.warn })
}

/** On the page that was kept free for it. */
export function drawContents(
  sheet: Sheet,
  contents: Element,
  places: readonly { readonly title: string; readonly page: number }[],
): void {
  const { doc } = sheet
  doc.switchToPage(1)
  sheet.y = margin.top
  const heading = sheet.element('Caption', contents)
  heading.add(() => {
    sheet.write(['Contents'], styles.section, sheet.left, sheet.y)
  })
  heading.end()
  sheet.y += lineHeight(styles.section) + 12
  for (const { title, page } of places) {
    const { y, left, width } = sheet
    const right = left + width
    const used = sheet.setter.width(title, 'regular', styles.body.size)
    sheet.artifact(() => {
      doc
        .moveTo(left + used + 8, y + 9)
        .lineTo(right - 24, y + 9)
        .lineWidth(0.6)
        .dash(1, { space: 3 })
        .stroke(ink.line)
    })
    const item = sheet.element('TOCI', contents)
    item.add(() => {
      sheet.write([`${title} `], styles.body, left, y)
      sheet.write([String(page)], styles.body, left, y, right)
    })
    item.end()
    sheet.y = y + 21
  }
  contents.end()
}

/** Above and below each page but the cover. */
export function drawFurniture(sheet: Sheet, { header, footer }: ReportDocument): void {
  const { doc } = sheet
  const { count } = doc.bufferedPageRange()
  for (let page = 1; page < count; page++) {
    doc.switchToPage(page)
    const { left, width } = sheet
    const below = doc.page.height - margin.bottom + 22
    doc.markContent('Artifact', { type: 'Pagination' })
    doc.save()
    for (const y of [margin.top - 18, below - 6]) {
      doc
        .moveTo(left, y)
        .lineTo(left + width, y)
        .lineWidth(0.5)
        .stroke(ink.line)
    }
    const [short = ''] = sheet.setter.lines(header, 'regular', 9, width)
    sheet.write([short], styles.quiet, left, margin.top - 33)
    sheet.write([footer], styles.quiet, left, below)
    sheet.write([`Page ${page + 1} of ${count}`], styles.quiet, left, below, left + width)
    doc.restore()
    doc.endMarkedContent()
  }
}
