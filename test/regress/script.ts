import type { Answered } from './side.ts'

/**
 * The suite loads its tables from files of the server's host, which no policy allows. The same files are sent by the client
 * instead, on both sides: what they hold is what the rest of the suite is about.
 */
export function withDataFromClient(script: string, directory: string): string {
  let file: string | null = null
  return script
    .split('\n')
    .map((line) => {
      const set = /^\\set filename :abs_srcdir '(\/data\/[\w.]+)'$/.exec(line)
      if (line.startsWith('\\set filename')) file = set === null ? null : directory + set[1]
      const load = /^copy\s+(\w+)\s+from\s+:'filename';$/i.exec(line)
      return file === null || load === null ? line : `\\copy ${load[1]} FROM '${file}'`
    })
    .join('\n')
}

/**
 * The script without these statements, given in the order in which they were answered; the lines of all others keep their
 * numbers.
 */
export function withoutStatements(
  script: string,
  file: string,
  output: string,
  answered: readonly Answered[],
): string {
  const lines = script.split('\n')
  const ends = errorLines(file, output, answered)
  answered.forEach(({ text }, n) => takeOut(lines, (ends[n] ?? 0) - 1, text.trim()))
  return lines.join('\n')
}

/**
 * The lines of the script, counted from 1, in which these statements end, by what psql said about them: `psql:FILE:LINE: ERROR:`.
 * They are given in the order in which the edge answered them with an error of its own.
 */
export function errorLines(
  file: string,
  output: string,
  answered: readonly Answered[],
): readonly number[] {
  const errors = [...output.matchAll(/^psql:(\S+?):(\d+): ERROR: {2}(.*)$/gm)]
    .filter(([, of]) => of === `${file}.sql`)
    .map(([, , line, message]) => ({ line: Number(line), message }))
  let next = 0
  return answered.map(({ text, message, sqlState }) => {
    const said = message.split('\n')[0] ?? ''
    // By its VERBOSITY: default, terse, verbose, sqlstate.
    const isIt = (shown = ''): boolean =>
      shown === said ||
      shown.startsWith(`${said} at character `) ||
      shown === `${sqlState}: ${said}` ||
      shown === sqlState
    const at = errors.findIndex((error, n) => n >= next && isIt(error.message))
    const error = errors[at]
    if (error === undefined) throw new Error(`${file}: psql shows no "${message}" for: ${text}`)
    next = at + 1
    return error.line
  })
}

/** First and last line, counted from 1, of each block of rows in the script, with the COPY that they follow. */
export function rowBlocks(script: string): readonly (readonly [number, number])[] {
  const lines = script.split('\n')
  const blocks: [number, number][] = []
  for (let at = lines.indexOf('\\.'); at >= 0; at = lines.indexOf('\\.', at + 1)) {
    let start = at
    while (start > 0 && !fromScript.test(lines[start] ?? '')) start--
    blocks.push([start + 1, at + 1])
  }
  return blocks
}

const fromScript = /\bfrom\s+stdin\b/i

/** `end` is counted from 0. */
function takeOut(lines: string[], end: number, text: string): void {
  const last = lines[end] ?? ''
  if (/\\gexec\b/.test(last)) {
    // It was one of the statements that the answer spelled: the question stays.
    lines[end] = last.replace('\\gexec', '\\g')
    return
  }
  const isOfPsql = last.startsWith('\\')
  const start = isOfPsql ? end : Math.max(0, end - (text.split('\n').length - 1))
  const block = lines.slice(start, end + 1).join('\n')
  const at = isOfPsql ? -1 : block.indexOf(text)
  // Without a semicolon what follows says how psql is to show it.
  const rest = text.endsWith(';') ? block.slice(at + text.length) : ''
  lines[start] = at < 0 ? '' : (block.slice(0, at) + rest).replaceAll('\n', ' ')
  lines.fill('', start + 1, end + 1)
  if (!/^\\?copy\b/i.test(text) || !fromScript.test(block)) return
  const dataEnd = lines.indexOf('\\.', end)
  if (dataEnd >= 0) lines.fill('', end + 1, dataEnd + 1)
}
