import { Command } from 'commander'

import { apiClient } from './api-client.ts'
import type { SignInOptions } from './sign-in.ts'

interface ApprovalView {
  readonly approval_id: string
  readonly state: string
  readonly requester: { readonly subject: string; readonly display: string | null }
  readonly on_behalf_of: readonly { readonly subject: string; readonly display: string | null }[]
  readonly target: string
  readonly statement: string
  readonly parameters: readonly { readonly value: string | null }[]
  readonly requirements: readonly {
    readonly rule_id: string
    readonly role: string
    readonly approvers: number
  }[]
  readonly binding_sha256: string
  readonly expires_at: string
  readonly answers: readonly {
    readonly verdict: string
    readonly reason: string
    readonly by: { readonly subject: string; readonly display: string | null }
  }[]
}

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
      .description('What waits for an answer.')
      .option('--all', 'everything of the last day, whatever became of it')
      .option('--json', 'print as JSON'),
  ).action(list)
  for (const verdict of ['approve', 'deny'] as const) {
    withSignIn(
      command
        .command(`${verdict} <id>`)
        .description(
          verdict === 'approve'
            ? 'Let it run once, as it stands. Never your own request.'
            : 'Say no.',
        )
        .requiredOption('--reason <text>', 'why; it is recorded')
        .option('--json', 'print as JSON'),
    ).action((id: string, options: AnswerOptions) => answer(id, verdict, options))
  }
  return command
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
  const { approvals } = await api.get<{ approvals: readonly ApprovalView[] }>(
    '/v1/approvals',
    query,
  )
  if (options.json === true) {
    process.stdout.write(`${JSON.stringify(approvals, null, 2)}\n`)
    return
  }
  if (approvals.length === 0) process.stdout.write('nothing waits for approval\n')
  for (const approval of approvals) process.stdout.write(`${text(approval)}\n`)
}

async function answer(
  id: string,
  verdict: 'approve' | 'deny',
  options: AnswerOptions,
): Promise<void> {
  const api = await apiClient(options)
  // Whoever answers has seen what it is about: the answer is bound to exactly that.
  const seen = await api.get<ApprovalView>(`/v1/approvals/${id}`)
  const after = await api.post<ApprovalView>(`/v1/approvals/${id}/answers`, {
    verdict: verdict === 'approve' ? 'grant' : 'deny',
    reason: options.reason,
    binding_sha256: seen.binding_sha256,
  })
  process.stdout.write(options.json === true ? `${JSON.stringify(after, null, 2)}\n` : text(after))
}

function text(approval: ApprovalView): string {
  const { requester, on_behalf_of: behind, requirements, parameters, answers } = approval
  const values = parameters.map(({ value }) => value ?? 'NULL').join(', ')
  const lines = [
    `${approval.approval_id}  ${approval.state}  until ${approval.expires_at}`,
    `  ${[requester, ...behind].map(nameOf).join(' for ')} at ${approval.target}`,
    `  ${approval.statement}${values === '' ? '' : `  (${values})`}`,
    ...requirements.map(
      ({ rule_id: rule, role, approvers }) => `  needs ${approvers} × ${role} (rule ${rule})`,
    ),
    ...answers.map(({ verdict, by, reason }) => `  ${verdict} by ${nameOf(by)}: ${reason}`),
  ]
  return `${lines.join('\n')}\n`
}

function nameOf(person: { readonly subject: string; readonly display: string | null }): string {
  return person.display ?? person.subject
}
