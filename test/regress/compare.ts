import { diff } from 'node:util'

/** Lines that one side says and the other does not, in one place. */
export interface Difference {
  /** The last line before it that both say. */
  readonly after: string
  readonly direct: readonly string[]
  readonly edge: readonly string[]
}

/** Where two outputs differ, line by line. */
export function differences(direct: string, edge: string): readonly Difference[] {
  const found: Difference[] = []
  let after = ''
  let here: { direct: string[]; edge: string[] } | null = null
  // The second argument counts as what was there before.
  for (const [operation, line] of diff(edge.split('\n'), direct.split('\n'))) {
    if (operation === 0) {
      if (here !== null) found.push({ after, ...here })
      here = null
      after = line
    } else {
      here ??= { direct: [], edge: [] }
      here[operation === 1 ? 'edge' : 'direct'].push(line)
    }
  }
  if (here !== null) found.push({ after, ...here })
  return found
}

/**
 * The output without what differs from run to run on the same server: which line psql had read when a message came while it sent
 * rows that stand in the script (any of them, so here it is always the last), and how many buffers EXPLAIN counted.
 */
export function withoutChance(
  output: string,
  blocks: readonly (readonly [number, number])[],
): string {
  return output
    .replace(/^(psql:\S+?:)(\d+)(: [A-Z]+: )/gm, (all, file, line, severity) => {
      const block = blocks.find(([first, last]) => first <= Number(line) && Number(line) <= last)
      return block === undefined ? all : `${file}${block[1]}${severity}`
    })
    .replace(/^( *Buffers: ).*/gm, '$1…')
}

/**
 * The output with only `ERROR` left of what it says about these lines of the script. The edge answers by the grammar of PostgreSQL 18
 * what that does not take, and without DETAIL and HINT: the words may be others, but the target has to refuse it, too.
 */
export function withoutWords(output: string, lines: readonly number[]): string {
  const report =
    /^(psql:\S+?:(\d+): ERROR: ) .*\n(?:LINE \d+: .*\n *\^\n)?(?:(?:DETAIL|HINT): {2}.*\n)*/gm
  return output.replace(report, (all, start, line) =>
    lines.includes(Number(line)) ? `${start}\n` : all,
  )
}
