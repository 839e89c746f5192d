import { Document, isMap, isSeq, parseDocument } from 'yaml'

import type { ClassifiedColumn } from '../../../../../schemas/classification.ts'
import type { Suggestion } from './suggestion.ts'

/**
 * The text of a classification with these entries behind those it has, each under a comment that says why. What was there stays as it
 * is, byte for byte. Null for a text whose columns are not written as a list of lines.
 */
export function withSuggestions(text: string, suggestions: readonly Suggestion[]): string | null {
  if (suggestions.length === 0) return text
  const before = text === '' ? 'version: 1\ncolumns: []\n' : text
  const { contents } = parseDocument(before)
  const columns = isMap(contents) ? contents.get('columns', true) : undefined
  if (!isSeq(columns) || columns.range == null) return null
  const [start, end] = columns.range
  if (columns.items.length === 0) {
    const lines = linesOf(suggestions, '  ')
    return `${before.slice(0, start).trimEnd()}\n${lines}${before.slice(end).replace(/^[^\n]*\n/, '')}`
  }
  if (columns.flow === true) return null
  const indent = /[ \t]*$/.exec(before.slice(0, start))?.[0] ?? ''
  // Comments behind the last entry belong to what comes next.
  const last = (columns.items.at(-1) as { range?: readonly number[] | null }).range?.[1] ?? end
  const lineEnd = before.indexOf('\n', last - 1)
  const at = lineEnd < 0 ? before.length : lineEnd + 1
  const head = before.slice(0, at)
  return `${head}${head.endsWith('\n') ? '' : '\n'}${linesOf(suggestions, indent)}${before.slice(at)}`
}

function linesOf(suggestions: readonly Suggestion[], indent: string): string {
  return suggestions
    .flatMap(({ entry, confidence, evidence }) => [
      ...evidence.map((each, place) => `# ${place === 0 ? `${confidence}: ` : ''}${each}`),
      ...entryLines(entry),
    ])
    .map((line) => `${indent}${line}\n`)
    .join('')
}

/** In one line, as `{ column: a.b.c, class: email }`; with paths, one line each. */
function entryLines(entry: ClassifiedColumn): readonly string[] {
  const document = new Document([entry])
  const item = isSeq(document.contents) ? document.contents.items[0] : undefined
  if (isMap(item)) {
    const paths = item.get('json')
    if (isSeq(paths)) for (const path of paths.items) setFlow(path)
    else setFlow(item)
  }
  return document.toString({ lineWidth: 0 }).trimEnd().split('\n')
}

function setFlow(node: unknown): void {
  if (isMap(node)) node.flow = true
}
