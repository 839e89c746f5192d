import { Command, Option } from 'commander'
import type { Static } from 'typebox'

import type { ApprovalList, ApprovalView, OverrideList } from '../api/schemas/approvals.ts'
import { besideStatement } from '../runtime/beside-statement.ts'
import { apiClient } from './api-client.ts'
import { onOneLine, quoted } from './one-line.ts'
import { nameOf, overrideText, reviewOverride, reviewText } from './overrides.ts'
import type { SignInOptions } from './sign-in.ts'

type Approval = Static<typeof ApprovalView>

interface AnswerOptions extends SignInOptions {
  readonly reason: string
  readonly json?: boolean
}

export function approvalsCommand(): Command {
  const command = new Command('approvals').description(
    'What policy holds until another person has agreed: see it, approve it, deny it.',
  )
  withSignIn(
    command
      .command('list')
      .description('What waits for an answer, and break-glass that waits for its review.')
      .option('--all', 'everything of the last day, whatever became of it')
      .option('--json', 'print as JSON'),
  ).action(list)
  for (const verdict of ['approve', 'deny', 'break-glass'] as const) {
    withSignIn(
      command
        .command(`${verdict} <id>`)
        .description(descriptions[verdict])
        .requiredOption('--reason <text>', 'why; it is recorded')
        .option('--json', 'print as JSON'),
    ).action((id: string, options: AnswerOptions) => answer(id, verdict, options))
  }
  withSignIn(
    command
      .command('review <id>')
      .description('Say whether a break-glass was justified. Never your own.')
      .addOption(
        new Option('--verdict <verdict>', 'what you found')
          .choices(['justified', 'not-justified'])
          .makeOptionMandatory(),
      )
      .requiredOption('--reason <text>', 'why; it is recorded')
      .option('--json', 'print as JSON'),
  ).action(reviewOverride)
  return command
}

const descriptions = {
  approve: 'Let it run once, as it stands. Never your own request.',
  deny: 'Say no.',
  'break-glass':
    'In an emergency, let what you ask for, or your agent asks for, run once without approval. Another person reviews it afterwards.',
}

function withSignIn(command: Command): Command {
  return command
    .option('--api <url>', 'where affidavit runs')
    .option('--sign-in <file>', 'the sign-in to use')
}

async function list(
  options: SignInOptions & { readonly all?: boolean; readonly json?: boolean },
): Promise<void> {
  const api = await apiClient(options)
  const query = options.all === true ? {} : { state: 'pending' }
  const list = await api.get<Static<typeof ApprovalList>>('/v1/approvals', query)
  const { approvals, listed_from: listedFrom } = list
  const { overrides } = await api.get<Static<typeof OverrideList>>('/v1/overrides')
  const wanted = overrides.filter(({ review }) => options.all === true || review === null)
  if (options.json === true) {
    process.stdout.write(`${JSON.stringify({ ...list, overrides: wanted }, null, 2)}\n`)
    return
  }
  if (listedFrom !== null) {
    process.stdout.write(
      `too much was held to list all of it: what was asked before ${listedFrom} is left out; it can be answered by its id\n`,
    )
  }
  if (approvals.length === 0) process.stdout.write('nothing waits for approval\n')
  for (const approval of approvals) process.stdout.write(`${text(approval)}\n`)
  if (wanted.length > 0) process.stdout.write('break-glass, reviewed afterwards\n')
  for (const override of wanted) process.stdout.write(`${overrideText(override)}\n`)
}

async function answer(
  id: string,
  verdict: 'approve' | 'deny' | 'break-glass',
  options: AnswerOptions,
): Promise<void> {
  const api = await apiClient(options)
  // Whoever answers has seen what it is about: the answer is bound to exactly that.
  const seen = await api.get<Approval>(`/v1/approvals/${id}`)
  const said = { reason: options.reason, binding_sha256: seen.binding_sha256 }
  const after =
    verdict === 'break-glass'
      ? await api.post<Approval>(`/v1/approvals/${id}/override`, said)
      : await api.post<Approval>(`/v1/approvals/${id}/answers`, {
          verdict: verdict === 'approve' ? 'grant' : 'deny',
          ...said,
        })
  process.stdout.write(options.json === true ? `${JSON.stringify(after, null, 2)}\n` : text(after))
}

function text(approval: Approval): string {
  const { requester, on_behalf_of: behind, requirements, parameters, answers, review } = approval
  const may = approval.may_override
  const beside = besideStatement(approval.operation)
  const values = parameters
    .map(({ value, bytes, is_cut: isCut }) => {
      return `${onOneLine(value ?? 'NULL')}${isCut ? ` … (the beginning of ${bytes} bytes)` : ''}`
    })
    .join(', ')
  const lines = [
    `${approval.approval_id}  ${approval.state}  until ${approval.expires_at}`,
    ...(approval.forgotten_at === null
      ? []
      : [
          `  its edge stopped or started anew at ${approval.forgotten_at}: whoever asked has to send it again`,
        ]),
    `  ${[requester, ...behind].map(nameOf).join(' for ')} at ${approval.target}`,
    `${quoted(approval.statement)}${values === '' ? '' : `  (${values})`}`,
    ...(approval.is_cut
      ? [`  … the beginning of ${approval.statement_bytes} bytes; its session has all of it`]
      : []),
    ...(beside === null ? [] : [`  ${beside}`]),
    ...requirements.map(
      ({ rule_id: rule, role, approvers }) => `  needs ${approvers} × ${role} (rule ${rule})`,
    ),
    ...(may ? ['  in an emergency you may break the glass'] : []),
    ...answers.map(
      ({ verdict, by, reason, at }) =>
        `  ${verdict === 'override' ? 'break-glass' : verdict} by ${nameOf(by)} at ${at}: ${onOneLine(reason)}`,
    ),
    ...(review === null ? [] : [`  ${reviewText({ ...review, review: review.done })}`]),
  ]
  return `${lines.join('\n')}\n`
}
