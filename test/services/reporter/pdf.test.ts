import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { promisify } from 'node:util'

import type { ReportDocument } from '../../../reports/report-document.ts'
import { markdown } from '../../../services/reporter/render/markdown.ts'
import { renderPdf } from '../../../services/reporter/render/pdf/render-pdf.ts'
import { requireProgram } from '../../support/engine.ts'

const run = promisify(execFile)
const dateMs = Date.UTC(2026, 10, 25)
const never = new AbortController().signal

/** Long enough for several pages, with letters that no font has and signs that XML and Markdown take for their own. */
const document: ReportDocument = {
  title: 'Tables & <signs>',
  subtitle: 'a test',
  author: 'Affidavit',
  header: 'shop · a test',
  footer: 'report-1',
  cover: [{ name: 'System', value: 'shop' }],
  marking: 'CONFIDENTIAL',
  statement: 'Prepared by a test.',
  sections: [
    {
      title: 'First',
      blocks: [
        { kind: 'text', text: 'A name in letters that the fonts lack: 漢字.' },
        {
          kind: 'table',
          caption: 'Many rows',
          columns: [
            { title: 'Name', share: 1, isCode: true },
            { title: 'Number', share: 1, align: 'right' },
          ],
          rows: Array.from({ length: 120 }, (_, at) => [`row_${at}|x`, String(at)]),
          total: ['Total', '120'],
        },
      ],
    },
    {
      title: 'Second',
      isLandscape: true,
      blocks: [
        {
          kind: 'bars',
          caption: 'Bars',
          unit: 'events',
          categories: ['2026-11-24', '2026-11-25'],
          series: [
            { name: 'one', values: [3, 0] },
            { name: 'two', values: [1, 2] },
          ],
        },
        {
          kind: 'heat',
          caption: 'Heat',
          unit: 'events',
          rows: ['edge-1'],
          columns: ['2026-11-24', '2026-11-25'],
          values: [[7, 0]],
        },
      ],
    },
  ],
}

async function written(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'affidavit-pdf-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  const file = join(directory, 'report.pdf')
  await writeFile(file, await renderPdf(document, dateMs, never))
  return file
}

test('the same document gives the same PDF', async () => {
  const first = await renderPdf(document, dateMs, never)
  assert.ok((await renderPdf(document, dateMs, never)).equals(first))
})

test('the PDF is sound, tagged, and brings its fonts', async (t) => {
  const qpdf = requireProgram(t, 'qpdf')
  const pdffonts = requireProgram(t, 'pdffonts')
  const pdfinfo = requireProgram(t, 'pdfinfo')
  if (qpdf === null || pdffonts === null || pdfinfo === null) return
  const file = await written(t)
  await run(qpdf, ['--check', file])
  const info = (await run(pdfinfo, [file])).stdout
  assert.match(info, /^Tagged: +yes$/m)
  assert.match(info, /^PDF version: +1\.7$/m)
  const fonts = (await run(pdffonts, [file])).stdout.trimEnd().split('\n').slice(2)
  assert.equal(fonts.length, 3)
  for (const font of fonts) assert.match(font, /Identity-H +yes yes yes/)
  const structure = (await run(pdfinfo, ['-struct', file])).stdout
  for (const element of ['H1', 'Table', 'THead', 'TH', 'TD', 'Caption', 'Figure', 'TOC']) {
    assert.match(structure, new RegExp(`^ *${element}\\b`, 'm'), element)
  }
})

test('the PDF reads in order: contents with page numbers, headers repeated, every row, page x of y', async (t) => {
  const pdftotext = requireProgram(t, 'pdftotext')
  if (pdftotext === null) return
  const file = await written(t)
  const text = (await run(pdftotext, ['-layout', file, '-'])).stdout
  assert.match(text, /1\. First +3/)
  assert.match(text, /U\+6F22/)
  assert.match(text, /Table 1\. Many rows, continued/)
  for (let at = 0; at < 120; at++) assert.match(text, new RegExp(`row_${at}\\|x +${at}\\b`))
  const pages = text.match(/Page \d+ of (\d+)/g) ?? []
  assert.ok(pages.length > 4)
  assert.deepEqual(
    pages,
    pages.map((_, at) => `Page ${at + 2} of ${pages.length + 1}`),
  )
})

test('writing a PDF stops when it is told to', async () => {
  const stop = new AbortController()
  const writing = renderPdf(document, dateMs, stop.signal)
  stop.abort(new Error('enough'))
  await assert.rejects(writing, /enough/)
})

test('Markdown says the same, and what came from outside is no markup', () => {
  const text = markdown(document)
  assert.match(text, /^## 2\. Second$/m)
  assert.match(text, /^\| row\\_7\\\|x \| 7 \|$/m)
  assert.match(text, /^\| 2026-11-25 \| 0 \| 2 \|$/m)
})
