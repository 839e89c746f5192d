import { dirname, resolve } from 'node:path'

import { Command } from 'commander'

import policyTestSchema from '../../schemas/policy-test.schema.json' with { type: 'json' }
import type { PolicyTest, PolicyTestActor, PolicyTestFile } from '../../schemas/policy-test.ts'
import {
  compileSchema,
  formatProblem,
  parseYamlDocument,
} from '../../schemas/validated-document.ts'
import type { Problem } from '../../schemas/validated-document.ts'
import { instantExpected, instantOf } from '../runtime/instant.ts'
import { CommandFailure } from './failure.ts'
import { printJson, readPolicy, readText } from './policy-file.ts'
import { subjectOf } from './policy-subject.ts'

interface TestOptions {
  readonly policy?: string
  readonly json?: boolean
}

interface Outcome {
  readonly name: string
  readonly ok: boolean
  readonly expected: { readonly outcome: string; readonly rules: readonly string[] | null }
  readonly actual: { readonly outcome: string; readonly rules: readonly string[] }
  readonly reason: string
}

export function policyTestCommand(): Command {
  return new Command('test')
    .description('Try statements against a policy and compare with what they are expected to get.')
    .argument('[file]', 'the tests', 'policy.test.yaml')
    .option('--policy <file>', "the policy, instead of the one that the tests' file names")
    .option('--json', 'print the outcome as JSON')
    .addHelpText(
      'after',
      `
A file of tests:
  version: 1
  policy: policy.yaml
  actors:
    agent: { kind: agent, subject: shop-agent, on_behalf_of: [olivia] }
  tests:
    - name: agents do not drop tables
      actor: agent
      target: shop
      statement: DROP TABLE customers
      expect: block
      rules: [no-ddl-for-agents]
Exit status 0: all came out as expected. 1: some did not. 2: a file has mistakes.`,
    )
    .action(run)
}

async function run(file: string, options: TestOptions): Promise<void> {
  const fixtures = readTests(file)
  const policyFile = options.policy ?? resolve(dirname(file), fixtures.policy ?? 'policy.yaml')
  const outcomes = await runTests(fixtures, policyFile)
  const failed = outcomes.filter(({ ok }) => !ok)
  if (options.json === true) {
    printJson({ ok: failed.length === 0, tests: outcomes.length, failed: failed.length, outcomes })
  } else {
    const width = Math.max(...outcomes.map(({ name }) => name.length))
    for (const outcome of outcomes) process.stdout.write(line(outcome, width))
    const tests = `${outcomes.length} ${outcomes.length === 1 ? 'test' : 'tests'}`
    process.stdout.write(
      `${tests}, ${failed.length === 0 ? 'all as expected' : `${failed.length} not as expected`}\n`,
    )
  }
  if (failed.length > 0) process.exitCode = 1
}

async function runTests(fixtures: PolicyTestFile, policyFile: string): Promise<readonly Outcome[]> {
  const policy = await readPolicy(policyFile)
  const [{ loadGrammar }, { StatementJudge }] = await Promise.all([
    import('../edge/postgres/facts/grammar.ts'),
    import('../edge/postgres/facts/judgement.ts'),
  ])
  const judge = new StatementJudge(await loadGrammar())
  return fixtures.tests.map((test) => {
    const nowMs = (test.at === undefined ? null : instantOf(test.at)) ?? Date.now()
    const actor = actorOf(test, fixtures)
    const subject = subjectOf({ ...test, searchPath: test.search_path, actor })
    for (const text of test.prepared ?? []) judge.judge(policy, text, subject, nowMs)
    const { verdict } = judge.judge(policy, test.statement, subject, nowMs)
    const actual = { outcome: verdict.outcome, rules: verdict.ruleIds }
    return {
      name: test.name,
      ok:
        actual.outcome === test.expect &&
        (test.rules === undefined || isSame(test.rules, actual.rules)),
      expected: { outcome: test.expect, rules: test.rules ?? null },
      actual,
      reason: verdict.reason,
    }
  })
}

function isSame(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((id) => other.includes(id))
}

function line({ name, ok, expected, actual, reason }: Outcome, width: number): string {
  const got = `${actual.outcome} by ${actual.rules.join(', ')}`
  if (ok) return `ok    ${name.padEnd(width)}  ${got}\n`
  const wanted = [
    expected.outcome,
    ...(expected.rules === null ? [] : ['by', expected.rules.join(', ')]),
  ]
  return `FAIL  ${name.padEnd(width)}  expected ${wanted.join(' ')}; got ${got}: ${reason}\n`
}

const isTestFile = compileSchema<PolicyTestFile>(policyTestSchema)

function readTests(file: string): PolicyTestFile {
  const parsed = parseYamlDocument(readText(file), file, isTestFile)
  if (!parsed.ok) throw mistakes(file, parsed.problems)
  const { value, at } = parsed
  const problems = value.tests.flatMap((test, index) => [
    ...(typeof test.actor === 'string' && value.actors?.[test.actor] === undefined
      ? [at(['tests', index, 'actor'], `no actor under actors is called ${test.actor}`)]
      : []),
    ...(test.at !== undefined && instantOf(test.at) === null
      ? [at(['tests', index, 'at'], instantExpected)]
      : []),
  ])
  if (problems.length > 0) throw mistakes(file, problems)
  return value
}

function mistakes(file: string, problems: readonly Problem[]): CommandFailure {
  return new CommandFailure(`${file} has mistakes\n${problems.map(formatProblem).join('\n')}`, 2)
}

function actorOf({ actor }: PolicyTest, { actors }: PolicyTestFile): PolicyTestActor {
  const named = typeof actor === 'string' ? actors?.[actor] : actor
  if (named === undefined) throw new TypeError('an actor without a name was let through')
  return named
}
