import { Command } from 'commander'

import { apiClient } from './api-client.ts'
import { oneLine } from './one-line.ts'
import { instant } from './instant.ts'
import { printJson, readPolicy } from './policy-file.ts'
import { historyOfApi, historyOfLedger } from './policy-history.ts'
import type { History, PastRequest } from './policy-history.ts'
import type { SignInOptions } from './sign-in.ts'

interface DiffOptions extends SignInOptions {
  readonly from?: number
  readonly to?: number
  readonly target?: string
  readonly config?: string
  readonly json?: boolean
}

interface Decided {
  readonly outcome: string
  readonly ruleIds: readonly string[]
}

/** Requests that both policies decide in the same two ways. */
interface Change {
  readonly before: Decided
  readonly after: Decided
  count: number
  readonly examples: Example[]
}

interface Example {
  readonly at: string
  readonly actor: string
  readonly onBehalfOf: readonly string[]
  readonly target: string
  readonly statement: string
  readonly reason: string
  readonly log: string
  readonly position: number
}

interface Difference {
  readonly requests: number
  readonly changed: number
  /** Requests about which the old policy says something else than was recorded. */
  readonly recordedOtherwise: number
  /** Each rule of the new policy that decides requests the old one decided otherwise, with how many. */
  readonly byRule: readonly { readonly rule: string; readonly count: number }[]
  readonly changes: readonly Change[]
}

const mostExamples = 3
const weekMs = 7 * 24 * 3_600_000

export function policyDiffCommand(): Command {
  return new Command('diff')
    .description('Say which recorded requests a changed policy would decide otherwise.')
    .argument('<old>', 'the policy as it is')
    .argument('<new>', 'the policy as it would be')
    .option(
      '--from <time>',
      'requests from this time on; a week ago where it is not given',
      instant,
    )
    .option('--to <time>', 'requests before this time; now where it is not given', instant)
    .option('--target <name>', 'only requests to this target')
    .option('--config <file>', 'read the ledger of this deployment instead of asking its api')
    .option('--api <url>', 'where affidavit runs')
    .option('--sign-in <file>', 'the sign-in file to use')
    .option('--json', 'print the difference as JSON')
    .addHelpText(
      'after',
      `
The search does not tell purpose, labels and the role at the target; the ledger does. What is not known is decided on the safe side,
by both policies.
Exit status 0: no request would be decided otherwise. 1: some would. 2: a file has mistakes.`,
    )
    .action(run)
}

async function run(oldFile: string, newFile: string, options: DiffOptions): Promise<void> {
  const policies = [await readPolicy(oldFile), await readPolicy(newFile)] as const
  const toMs = options.to ?? Date.now()
  const period = { fromMs: options.from ?? toMs - weekMs, toMs, target: options.target }
  const history =
    options.config === undefined
      ? await historyOfApi(await apiClient(options), period)
      : await historyOfLedger(options.config, period)
  const difference = await differenceOf(policies, history)
  const head = {
    from: new Date(period.fromMs).toISOString(),
    to: new Date(period.toMs).toISOString(),
    leftOut: history.leftOut,
    isCut: history.isCut,
  }
  if (options.json === true) printJson({ ...head, ...difference })
  else process.stdout.write(textOf(head, difference))
  if (difference.changed > 0) process.exitCode = 1
}

async function differenceOf(
  policies: readonly [
    Awaited<ReturnType<typeof readPolicy>>,
    Awaited<ReturnType<typeof readPolicy>>,
  ],
  { requests }: History,
): Promise<Difference> {
  const [{ loadGrammar }, { StatementJudge }] = await Promise.all([
    import('../edge/postgres/facts/grammar.ts'),
    import('../edge/postgres/facts/judgement.ts'),
  ])
  const grammar = await loadGrammar()
  // One each: what a session could prepare depends on the policy.
  const [before, after] = [new StatementJudge(grammar), new StatementJudge(grammar)]
  const changes = new Map<string, Change>()
  const byRule = new Map<string, number>()
  let recordedOtherwise = 0
  for (const request of requests) {
    const { statement, subject, atMs } = request
    const old = before.judge(policies[0], statement, subject, atMs).verdict
    const next = after.judge(policies[1], statement, subject, atMs).verdict
    if (old.outcome !== request.decision) recordedOtherwise += 1
    if (old.outcome === next.outcome && isSame(old.ruleIds, next.ruleIds)) continue
    const key = JSON.stringify([decidedOf(old), decidedOf(next)])
    const change = changes.get(key) ?? {
      before: decidedOf(old),
      after: decidedOf(next),
      count: 0,
      examples: [],
    }
    changes.set(key, change)
    change.count += 1
    if (change.examples.length < mostExamples) change.examples.push(exampleOf(request, next.reason))
    for (const rule of next.ruleIds) byRule.set(rule, (byRule.get(rule) ?? 0) + 1)
  }
  const inOrder = [...changes.values()].sort((a, b) => b.count - a.count)
  return {
    requests: requests.length,
    changed: inOrder.reduce((sum, { count }) => sum + count, 0),
    recordedOtherwise,
    byRule: [...byRule].map(([rule, count]) => ({ rule, count })).sort((a, b) => b.count - a.count),
    changes: inOrder,
  }
}

function decidedOf({ outcome, ruleIds }: Decided): Decided {
  return { outcome, ruleIds }
}

function isSame(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((id, index) => id === other[index])
}

function exampleOf(request: PastRequest, reason: string): Example {
  const { subject } = request
  return {
    at: new Date(request.atMs).toISOString(),
    actor: request.actor,
    onBehalfOf: subject.actor.on_behalf_of.map(({ display, subject: name }) => display ?? name),
    target: subject.target,
    statement: request.statement,
    reason,
    log: request.log,
    position: request.position,
  }
}

interface Head {
  readonly from: string
  readonly to: string
  readonly leftOut: number
  readonly isCut: boolean
}

function textOf(head: Head, difference: Difference): string {
  const { requests, changed, recordedOtherwise, byRule, changes } = difference
  const cut = head.isCut ? ', the newest of more' : ''
  const leftOut =
    head.leftOut > 0
      ? `, ${head.leftOut} more that no policy decided or whose session is not known`
      : ''
  const lines = [
    `${head.from} to ${head.to}: ${requests} requests${cut}${leftOut}`,
    `${changed} would be decided otherwise`,
  ]
  if (recordedOtherwise > 0) {
    lines.push(
      `${recordedOtherwise} were decided otherwise than the old policy says: another one was in force, or what it looks at was not recorded`,
    )
  }
  for (const { before, after, count, examples } of changes) {
    lines.push('', `${count} × ${decidedText(before)} → ${decidedText(after)}`)
    for (const example of examples) {
      const behalf = example.onBehalfOf.length > 0 ? ` for ${example.onBehalfOf.join(', ')}` : ''
      lines.push(
        `  ${example.at}  ${example.actor}${behalf} on ${example.target}  #${example.position}`,
        `    ${oneLine(example.statement)}`,
        `    ${oneLine(example.reason)}`,
      )
    }
  }
  if (byRule.length > 0) {
    lines.push('', `by rule: ${byRule.map(({ rule, count }) => `${rule} ${count}`).join(', ')}`)
  }
  return `${lines.join('\n')}\n`
}

function decidedText({ outcome, ruleIds }: Decided): string {
  return `${outcome} by ${ruleIds.join(', ')}`
}
