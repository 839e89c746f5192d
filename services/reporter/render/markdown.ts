import type { Block, ReportDocument } from '../../../reports/report-document.ts'

/** The report as text, for people and programs that read no PDF. */
export function markdown(document: ReportDocument): string {
  const lines = [
    `# ${document.title}`,
    '',
    document.subtitle,
    '',
    ...document.cover.map(({ name, value }) => `- **${name}**: ${escaped(value)}`),
    '',
    `> ${document.statement}`,
    '',
  ]
  document.sections.forEach(({ title, blocks }, index) => {
    lines.push(`## ${index + 1}. ${title}`, '')
    for (const block of blocks) lines.push(...blockLines(block), '')
  })
  return `${lines.join('\n').trimEnd()}\n`
}

function blockLines(block: Block): string[] {
  switch (block.kind) {
    case 'text':
      return [escaped(block.text)]
    case 'heading':
      return [`### ${escaped(block.text)}`]
    case 'note':
      return [`> ${escaped(block.text)}`]
    case 'facts':
      return block.facts.map(({ name, value }) => `- **${name}**: ${escaped(value)}`)
    case 'lines':
      return [`**${block.caption}**`, '', ...block.lines.map((line) => `    ${line}`)]
    case 'table': {
      const { caption, columns, rows, total, remark } = block
      return [
        `**${caption}**`,
        '',
        row(columns.map(({ title }) => title)),
        row(columns.map(({ align }) => (align === 'right' ? '---:' : '---'))),
        ...rows.map((cells) => row(cells.map(escaped))),
        ...(total === undefined
          ? []
          : [row(total.map((cell) => (cell === '' ? '' : `**${cell}**`)))]),
        ...(remark === undefined ? [] : ['', remark]),
      ]
    }
    case 'bars':
      return [
        `**${block.caption}** (${block.unit})`,
        '',
        row(['Day', ...block.series.map(({ name }) => name)]),
        row(['---', ...block.series.map(() => '---:')]),
        ...block.categories.map((category, at) =>
          row([category, ...block.series.map(({ values }) => String(values[at] ?? 0))]),
        ),
      ]
    case 'heat':
      return [
        `**${block.caption}** (${block.unit})`,
        '',
        row(['', ...block.columns]),
        row(['---', ...block.columns.map(() => '---:')]),
        ...block.rows.map((name, at) => row([name, ...(block.values[at] ?? []).map(String)])),
      ]
  }
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`
}

/** What came from outside must not become markup. */
function escaped(text: string): string {
  return text.replaceAll(/[\\`*_[\]<>|]/g, (sign) => `\\${sign}`).replaceAll(/\s+/g, ' ')
}
