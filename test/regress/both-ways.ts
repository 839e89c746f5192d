import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import type { PostgresVersion } from '../bypass/servers.ts'
import type { Skippable } from '../support/engine.ts'
import { compareAnswers, differences, withoutChance, withoutWords } from './compare.ts'
import type { Asked, Difference } from './compare.ts'
import { errorLines, rowBlocks, withDataFromClient, withoutStatements } from './script.ts'
import { startSide } from './side.ts'
import type { Answered, Ran } from './side.ts'
import type { Suite } from './suite.ts'

/** One file of the suite, run by psql on a server of its own without an edge, and on another one through it. */
export interface Compared {
  readonly file: string
  readonly differences: readonly Difference[]
  /** The same for its SELECTs, sent once more by the extended protocol to one server, both ways. */
  readonly asked: Asked
  /** Statements that ran on both sides. */
  readonly allowed: number
  /** Statements that are left out on both sides since the edge refuses them. */
  readonly leftOut: readonly Answered[]
  /** What it refused all the same: nothing, or the comparison says nothing. */
  readonly refused: readonly Answered[]
  /** Statements the grammar does not take. The server does not take them either, or there is a difference. */
  readonly unparsed: number
}

/**
 * Runs these files in this order. What the edge refuses is found by running all of it through an edge first: a refusal inside a
 * transaction aborts it, so the rest of it only shows what it does when what is refused is not there.
 */
export async function runBothWays(
  t: Skippable,
  psql: string,
  suite: Suite,
  version: PostgresVersion,
  files: readonly string[],
): Promise<readonly Compared[] | null> {
  const run = async (way: 'direct' | 'edge'): Promise<readonly RanAndAsked[] | null> => {
    await using side = await startSide(t, psql, suite, version, way)
    if (side === null) return null
    const ran: RanAndAsked[] = []
    for (const { file, script, questions } of parts) {
      const said = await side.run(file, script)
      ran.push({
        ...said,
        asked: way === 'direct' ? compareAnswers(questions, await side.ask(questions)) : null,
      })
    }
    return ran
  }
  let parts = await Promise.all(files.map((file) => partOf(suite, file)))
  let edge = await run('edge')
  let direct: readonly RanAndAsked[] | null
  let rounds = 0
  do {
    if (edge === null) return null
    parts = parts.map((part, n) => withoutRefused(part, edge?.[n]))
    ;[edge, direct] = await Promise.all([run('edge'), run('direct')])
    rounds++
  } while (edge?.some(({ refused }) => refused.length > 0) && rounds < mostRounds)
  return parts.map((part, n) => compared(part, direct?.[n], edge?.[n]))
}

const mostRounds = 3

/** May have the same answer twice by chance. */
const ofChance = /random|tablesample/i

interface RanAndAsked extends Ran {
  readonly asked: Asked | null
}

interface Part {
  readonly file: string
  readonly script: string
  readonly leftOut: readonly Answered[]
  /** Statements to be asked by the extended protocol afterwards. */
  readonly questions: readonly Buffer[]
}

async function partOf(suite: Suite, file: string): Promise<Part> {
  const script = await readFile(join(suite.directory, 'sql', `${file}.sql`), 'latin1')
  return { file, script: withDataFromClient(script, suite.directory), leftOut: [], questions: [] }
}

function withoutRefused({ file, script, leftOut }: Part, ran: Ran | undefined): Part {
  if (ran === undefined) throw new Error(`${file} was not run`)
  return {
    file,
    script: withoutStatements(script, file, ran.output, ran.refused),
    leftOut: [...leftOut, ...ran.refused],
    questions: ran.selects.filter((text) => !ofChance.test(text.toString('latin1'))),
  }
}

function compared(
  part: Part,
  direct: RanAndAsked | undefined,
  edge: RanAndAsked | undefined,
): Compared {
  const { file, script, leftOut } = part
  if (direct?.asked == null || edge === undefined) throw new Error(`${file} was not run`)
  const unparsed = errorLines(file, edge.output, edge.unparsed)
  const blocks = rowBlocks(script)
  const steady = ({ output }: Ran): string => withoutWords(withoutChance(output, blocks), unparsed)
  return {
    file,
    differences: differences(steady(direct), steady(edge)),
    asked: direct.asked,
    allowed: edge.allowed,
    leftOut,
    refused: edge.refused,
    unparsed: unparsed.length,
  }
}
