import { shownLine, shownText } from '../runtime/shown-text.ts'

/** Text of somebody else's on one line of a terminal, all of it. */
export function onOneLine(text: string): string {
  return shownLine(text, Infinity)
}

/** The same, cut where it is long. */
export function oneLine(text: string): string {
  return shownLine(text, 200)
}

/** Text of somebody else's as it stands, below a line of ours. What it goes on with is marked, so that it cannot pass for ours. */
export function quoted(text: string): string {
  return `  ${shownText(text.trimEnd()).replaceAll(/\r?\n/g, '\n  | ')}`
}
