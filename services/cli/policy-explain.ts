import { Command, InvalidArgumentError } from 'commander'

import type { PolicyTestActor } from '../../schemas/policy-test.ts'
import type { Obligation } from '../edge/guard/decision.ts'
import type { Facts } from '../edge/guard/facts.ts'
import type { Explanation } from '../edge/guard/policy/explanation.ts'
import { instant } from './instant.ts'
import { printJson, readPolicy } from './policy-file.ts'
import { subjectOf } from './policy-subject.ts'

interface ExplainOptions {
  readonly policy: string
  readonly actor: Pick<PolicyTestActor, 'kind' | 'subject'>
  readonly for: readonly string[]
  readonly group: readonly string[]
  readonly issuer?: string
  readonly target: string
  readonly database?: string
  readonly role?: string
  readonly searchPath?: string
  readonly purpose?: string
  readonly label: readonly string[]
  readonly at?: number
  readonly json?: boolean
}

export function policyExplainCommand(): Command {
  return new Command('explain')
    .description(
      'Say what a policy decides about a statement, by which rule, and why not by the others.',
    )
    .argument('<statement>')
    .option('--policy <file>', 'the policy', 'policy.yaml')
    .requiredOption('--actor <kind:subject>', 'who asks, such as agent:shop-agent', actorOption)
    .option('--for <subject>', 'on whose behalf; may be repeated', repeated, [])
    .option('--group <name>', 'a group of the actor; may be repeated', repeated, [])
    .option('--issuer <url>')
    .requiredOption('--target <name>')
    .option('--database <name>', "the target's name where it is not given")
    .option('--role <name>', 'the role at the target')
    .option('--search-path <schemas>', 'as asked for at startup')
    .option('--purpose <text>')
    .option('--label <name>', 'a data label; may be repeated', repeated, [])
    .option('--at <time>', 'when; such as 2026-11-25T08:00:00Z; default: now', instant)
    .option('--json', 'print the explanation as JSON')
    .addHelpText(
      'after',
      `
  affidavit policy explain 'DELETE FROM orders' --actor agent:shop-agent --for olivia --target shop
Exit status 0, whatever is decided.`,
    )
    .action(run)
}

function actorOption(value: string): ExplainOptions['actor'] {
  const [kind, ...subject] = value.split(':')
  const isKind = kind === 'human' || kind === 'agent' || kind === 'service'
  if (!isKind || subject.join(':') === '') {
    throw new InvalidArgumentError(
      'expected kind:subject, such as agent:shop-agent or human:olivia',
    )
  }
  return { kind, subject: subject.join(':') }
}

function repeated(value: string, before: readonly string[]): readonly string[] {
  return [...before, value]
}

async function run(statement: string, options: ExplainOptions): Promise<void> {
  const policy = await readPolicy(options.policy)
  const [{ loadGrammar }, { StatementJudge }, { explain }] = await Promise.all([
    import('../edge/postgres/facts/grammar.ts'),
    import('../edge/postgres/facts/judgement.ts'),
    import('../edge/guard/policy/explanation.ts'),
  ])
  const { issuer, group, label } = options
  const actor = {
    ...options.actor,
    groups: group,
    on_behalf_of: options.for,
    ...(issuer === undefined ? {} : { issuer }),
  }
  const subject = subjectOf({ ...options, actor, labels: label })
  const judge = new StatementJudge(await loadGrammar())
  const { input, verdict } = judge.judge(policy, statement, subject, options.at ?? Date.now())
  if (input === null) {
    if (options.json === true) printJson({ verdict, facts: null, rules: [] })
    else process.stdout.write(`block  by ${verdict.ruleIds.join(', ')}\n  ${verdict.reason}\n`)
    return
  }
  const explanation = explain(policy, input)
  if (options.json === true) printJson(explanation)
  else process.stdout.write(textOf(explanation))
}

function textOf({ verdict, facts, rules }: Explanation): string {
  const width = Math.max(0, ...rules.map(({ id }) => id.length))
  return [
    `${verdict.outcome}  by ${verdict.ruleIds.join(', ')}`,
    `  ${verdict.reason}`,
    ...verdict.obligations.map((obligation) => `  ${needs(obligation)}`),
    'facts',
    ...factLines(facts).map(([name, value]) => `  ${name.padEnd(15)}  ${value}`),
    'rules, and what each makes of it',
    ...rules.map(
      ({ id, outcome, decides, why }) =>
        `  ${decides ? '*' : ' '} ${id.padEnd(width)}  ${outcome.padEnd(5)}  ${why}`,
    ),
    '',
  ].join('\n')
}

function needs(obligation: Obligation): string {
  if (obligation.kind === 'mask')
    return `masks ${obligation.dataClasses.join(', ')} (${obligation.ruleId})`
  const { approvers, role, expiresMs, waitMs, ruleId, breakGlass } = obligation
  const people = approvers === 1 ? 'one person' : 'two people'
  const wait =
    waitMs === 0 ? 'refused until then' : `for which the client waits up to ${waitMs / 1000} s`
  const emergency =
    breakGlass === null
      ? ''
      : `, or break-glass by a person with the role ${breakGlass.role}, reviewed within ${breakGlass.reviewWithinHours} h`
  return `needs approval by ${people} with the role ${role} within ${expiresMs / 1000} s, ${wait}${emergency} (${ruleId})`
}

function factLines(facts: Facts): readonly (readonly [string, string])[] {
  const lists: readonly (readonly [string, readonly string[]])[] = [
    ['statements', facts.kinds],
    ['reads', facts.reads],
    ['writes', facts.writes],
    ['columns read', facts.columnsRead],
    ['columns written', facts.columnsWritten],
    ['functions', facts.functions],
    ['flags', facts.flags],
    ['rows at most', facts.rows === null ? [] : [String(facts.rows)]],
    ['not known', facts.unknown],
  ]
  return lists
    .filter(([, values]) => values.length > 0)
    .map(([name, values]) => [name, values.join(', ')])
}
