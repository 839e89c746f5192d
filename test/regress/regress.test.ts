import assert from 'node:assert/strict'
import { test } from 'node:test'

import { requireProgram } from '../support/engine.ts'
import { runBothWays } from './both-ways.ts'
import type { Compared } from './both-ways.ts'
import { findSuite } from './suite.ts'

/**
 * What runs by default: the tables of the suite, and files about what an edge has to pass on in a way of its own (COPY, notices,
 * errors, cursors, prepared statements, text and numbers). REGRESS=all runs every file, on both versions of PostgreSQL.
 */
const some = `test_setup boolean strings numeric timestamptz copy copyselect copydml drop_if_exists errors select_into transactions
  portals prepared_xacts psql psql_crosstab portals_p2 json copy2 plpgsql temp prepare returning largeobject with xml`

const isAll = process.env['REGRESS'] === 'all'

for (const version of isAll ? ([15, 18] as const) : ([15] as const)) {
  test(`the regression suite of PostgreSQL 15 through an edge, on PostgreSQL ${version}`, async (t) => {
    const psql = requireProgram(t, 'psql')
    if (psql === null) return
    const suite = await findSuite(t)
    if (suite === null) return
    const files = isAll ? suite.files : some.split(/\s+/)
    const results = await runBothWays(t, psql, suite, version, files)
    if (results === null) return
    for (const { file, allowed, leftOut, refused, differences, asked } of results) {
      await t.test(`${file} says the same as without the edge`, () => {
        assert.deepEqual(refused, [])
        assert.deepEqual(differences, [])
        assert.deepEqual(asked.differences, [])
        assert.ok(allowed + leftOut.length > 0, 'no statement came to the edge')
      })
    }
    t.diagnostic(`${suite.source}: ${sum(results, ({ allowed }) => allowed)} statements ran`)
    for (const line of tableOf(results)) t.diagnostic(line)
  })
}

/** How many statements were left out, by what refuses them. */
function tableOf(results: readonly Compared[]): readonly string[] {
  const byReason = new Map<string, number>()
  for (const { leftOut } of results) {
    for (const { message } of leftOut) byReason.set(message, (byReason.get(message) ?? 0) + 1)
  }
  const counts = [...byReason].sort(([, one], [, other]) => other - one)
  const asked = sum(results, (result) => result.asked.count)
  const unsteady = sum(results, (result) => result.asked.unsteady)
  return [
    `${asked} SELECTs were sent again by the extended protocol, ${unsteady} of them answered anew each time`,
    `${sum(results, ({ unparsed }) => unparsed)} are no SQL to the edge, nor to the server`,
    ...counts.map(
      ([message, count]) => `${count} left out: ${Buffer.from(message, 'latin1').toString()}`,
    ),
  ]
}

function sum(results: readonly Compared[], of: (result: Compared) => number): number {
  return results.reduce((total, result) => total + of(result), 0)
}
