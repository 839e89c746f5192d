import { Group, Paper, Stack, Text, Title } from '@mantine/core'

import { besideStatement } from '../../../runtime/beside-statement.ts'
import type { Approval } from '../api/shapes.ts'
import { ActorKind } from '../words/actor-name.tsx'
import { CopiedText } from '../words/copied-text.tsx'
import { bytes } from '../words/quantities.ts'
import { Time } from '../words/time.tsx'
import { AnswerForm } from './answer-form.tsx'
import type { TakenAnswer } from './answer-taken.tsx'
import { ApprovalFacts } from './approval-facts.tsx'
import { ApprovalState } from './approval-state.tsx'
import { BoundValues } from './bound-values.tsx'
import { BreakGlassForm } from './break-glass-form.tsx'
import { ReviewLine } from './review-line.tsx'
import { SessionLink } from './session-link.tsx'

const answered: Readonly<Record<string, string>> = {
  grant: 'Approved',
  deny: 'Denied',
  override: 'Break-glass',
}

interface ApprovalItemProps {
  readonly approval: Approval
  readonly onAnswer: (answer: TakenAnswer) => void
}

/** Who asks and for whom, exactly what would run, what it touches and by which rule it is held. */
export function ApprovalItem({ approval, onAnswer }: ApprovalItemProps) {
  const { requester, on_behalf_of: behind, parameters } = approval
  const name = requester.display ?? requester.subject
  const beside = besideStatement(approval.operation)
  const roles = [...new Set(approval.missing.map(({ role }) => role))]
  return (
    <li id={approval.approval_id}>
      <Paper
        withBorder
        p="md"
        component="article"
        aria-label={`${approval.operation} by ${name} at ${approval.target}`}
      >
        <Stack gap="sm">
          <Group justify="space-between" align="flex-start">
            <div>
              <Group gap="xs">
                <Title order={2} size="h4">
                  {name} on {approval.target}
                </Title>
                <ActorKind kind={requester.kind} />
              </Group>
              {behind.length > 0 && (
                <Text size="sm">
                  on behalf of {behind.map((each) => each.display ?? each.subject).join(', ')}
                </Text>
              )}
              <Text size="xs" c="dimmed">
                asked <Time ms={Date.parse(approval.requested_at)} />
                {approval.state === 'pending' && (
                  <>
                    , answer before <Time ms={Date.parse(approval.expires_at)} />
                  </>
                )}
              </Text>
            </div>
            <ApprovalState state={approval.state} isOverridden={approval.review !== null} />
          </Group>
          <CopiedText
            label={`Statement, ${bytes(approval.statement_bytes)}`}
            text={approval.statement}
          />
          {approval.is_cut && (
            <Text size="sm">
              This is only its beginning, without values; its session has all of it.
            </Text>
          )}
          <BoundValues parameters={parameters} />
          {beside !== null && <Text size="sm">{beside}</Text>}
          <ApprovalFacts approval={approval} />
          {approval.answers.map(({ decision_id: id, verdict, reason, by, at }) => (
            <Text size="sm" key={id}>
              {answered[verdict] ?? verdict} by {by.display ?? by.subject}: {reason}{' '}
              <Text span inherit size="xs" c="dimmed">
                (<Time ms={Date.parse(at)} />)
              </Text>
            </Text>
          ))}
          {approval.review !== null && (
            <ReviewLine {...approval.review} review={approval.review.done} />
          )}
          {approval.forgotten_at !== null && (
            <Text size="sm">
              Its edge stopped or started anew at <Time ms={Date.parse(approval.forgotten_at)} />,
              and knows of it no more. To run it, whoever asked sends it again.
            </Text>
          )}
          <SessionLink id={approval.session_id} requestId={approval.request_id} />
          {approval.may_answer && <AnswerForm approval={approval} onAnswer={onAnswer} />}
          {approval.state === 'pending' && !approval.may_answer && (
            <Text size="sm" c="dimmed">
              Another person with the role {roles.join(' or ')} answers it.
            </Text>
          )}
          {approval.may_override && <BreakGlassForm approval={approval} />}
        </Stack>
      </Paper>
    </li>
  )
}
