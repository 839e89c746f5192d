import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { fileURLToPath } from 'node:url'

import { loadCorpus, readCase } from './case-file.ts'
import { prepareGround } from './ground.ts'
import type { Ground } from './ground.ts'
import { runCase } from './run-case.ts'
import type { CaseOutcome } from './run-case.ts'
import { secretsIn } from './secrets.ts'
import { startServer } from './servers.ts'

const corpus = await loadCorpus(fileURLToPath(new URL('.', import.meta.url)))

/** BYPASS=all tries every variant through every client; without it some of each, which take turns. */
const extent =
  process.env['BYPASS'] === 'all'
    ? { variants: Infinity, clients: Infinity }
    : { variants: 2, clients: 2 }

const outcomes = new Map<string, string[]>()
const totals = { cases: 0, tries: 0, leaks: 0, executions: 0 }

for (const version of [15, 18] as const) {
  suite(`PostgreSQL ${version}`, () => {
    let ground: Ground | null = null
    const started = new AsyncDisposableStack()
    before(async (t) => {
      const server = await startServer(t as Parameters<typeof startServer>[0], version)
      if (server === null) return
      started.use(server)
      ground = started.use(await prepareGround(server))
    })
    after(() => started.disposeAsync())

    for (const { file, bypass } of corpus) {
      if (bypass.engines?.includes(version) === false) continue
      test(`${bypass.id} ${bypass.title} (${file})`, { timeout: 120_000 }, async (t) => {
        if (ground === null) return t.skip(`PostgreSQL ${version} is not installed`)
        const outcome = await runCase(bypass, ground, extent)
        note(bypass.id, `${version}: ${wordFor(outcome)}, ${outcome.tries} tries`)
        totals.cases += 1
        totals.tries += outcome.tries
        totals.leaks += outcome.leaks.length
        totals.executions += outcome.executions.length
        const { leaks, executions, surprises } = outcome
        assert.deepEqual({ leaks, executions, surprises }, nothing)
      })
    }
  })
}

const nothing = { leaks: [], executions: [], surprises: [] }

after(() => {
  for (const { bypass } of corpus) {
    say(
      `${bypass.id.padEnd(28)} ${(outcomes.get(bypass.id) ?? ['not run']).join('; ').padEnd(52)} ${bypass.title}`,
    )
  }
  say(
    `${corpus.length} cases, run ${totals.cases} times with ${totals.tries} tries: ${totals.leaks} leaks, ${totals.executions} executions`,
  )
})

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

function note(id: string, text: string): void {
  outcomes.set(id, [...(outcomes.get(id) ?? []), text])
}

function wordFor({ leaks, executions, surprises }: CaseOutcome): string {
  if (leaks.length > 0) return 'LEAKS'
  if (executions.length > 0) return 'RUNS'
  return surprises.length > 0 ? 'SURPRISES' : 'holds'
}

test('a mistake in the file of a case is said with its line', () => {
  const text = 'id: M1\ntitle: a\nwhy: b\npolicy: data\nattempts: [SELECT 1]\nexpect: shown\n'
  assert.throws(() => readCase(text, 'm1.yaml'), /m1\.yaml:6:1 expect/)
})

test('a secret is found in whatever form, and not in an id that looks like a part of one', () => {
  const id = '01a22b24-ec7f-7000-8444-55fad787e2a3'
  assert.deepEqual(secretsIn(Buffer.from(`affidavit decision ${id}.1`)), [])
  assert.deepEqual(secretsIn(Buffer.from(`${id}: 444-55`)), [
    '444-55 as text',
    '444-55 as capitals',
  ])
  assert.ok(secretsIn(Buffer.from('444-55-6666', 'utf16le')).length > 0)
})
