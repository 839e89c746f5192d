import { shownText } from '../runtime/shown-text.ts'

/** Text of somebody else's on one line of a terminal, all of it. */
export function onOneLine(text: string): string {
  return shownText(text.replace(/[ \t\r\n]+/g, ' '))
}

/** The same, cut where it is long. */
export function oneLine(text: string): string {
  const flat = onOneLine(text)
  return flat.length > 200 ? `${flat.slice(0, 200)} …` : flat
}

/** Text of somebody else's as it stands, below a line of ours. What it goes on with is marked, so that it cannot pass for ours. */
export function quoted(text: string): string {
  return `  ${shownText(text.trimEnd()).replaceAll(/\r?\n/g, '\n  | ')}`
}
