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
  if (direct === edge) return []
  const theirs = direct.split('\n')
  const ours = edge.split('\n')
  const first = theirs.findIndex((line, n) => line !== ours[n])
  const from = Math.max(0, (first < 0 ? theirs.length : first) - 1)
  const found: Difference[] = []
  let after = ''
  let here: { direct: string[]; edge: string[] } | null = null
  // Where nearly everything differs, to compare it all would take more than there is.
  const part = (lines: readonly string[]): string[] => lines.slice(from, from + mostCompared)
  for (const [operation, line] of diff(part(ours), part(theirs))) {
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

const mostCompared = 2_000

/** What one server answers to the same questions: straight, through an edge, and straight again. */
export interface Answers {
  readonly direct: readonly [readonly string[], readonly string[]]
  readonly edge: readonly string[]
}

export interface Asked {
  readonly count: number
  /** Questions to which the server itself gives another answer the second time: nothing is compared. */
  readonly unsteady: number
  readonly differences: readonly Difference[]
}

export function compareAnswers(
  questions: readonly Buffer[],
  { direct: [before, afterwards], edge }: Answers,
): Asked {
  let unsteady = 0
  const found: Difference[] = []
  for (const [n, question] of questions.entries()) {
    const answer = before[n] ?? ''
    const through = edge[n] ?? ''
    if (answer !== afterwards[n]) unsteady++
    else if (answer !== through) {
      found.push({ after: question.toString(), direct: [answer], edge: [through] })
    }
  }
  return { count: questions.length, unsteady, differences: found }
}

/**
 * The output without what differs from run to run on the same server: which line psql had read when a message came while it sent
 * rows that stand in the script (any of them, so here it is always the last), how many buffers EXPLAIN counted, and ids that the
 * server gives out by turns: of the two only the one without an edge is asked the SELECTs again, which takes some.
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
    .replace(/(?<=^.*\brelfrozenxid\b.*\n[-+]+\n)^.*/gm, (row) => row.replace(/ *\d+/g, ' …'))
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
