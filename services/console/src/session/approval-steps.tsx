import { Stack, Table, Text } from '@mantine/core'
import type { ReactNode } from 'react'

import type { ApprovalHistory, ApprovalStep } from '../api/shapes.ts'
import { ProofLink } from '../proof/proof-link.tsx'
import { CopiedId } from '../words/copied-id.tsx'
import { Time } from '../words/time.tsx'
import { nameOf, verdictOf } from './statement-approval.ts'

/** Who asked and for whom, which rule held it, who decided and why, and what used the grant; each with the proof of its entry. */
export function ApprovalSteps({ approval }: { readonly approval: ApprovalHistory }) {
  return (
    <Stack gap={4} component="section" aria-label="Approval">
      <Text size="sm" fw={600}>
        Approval{' '}
        <Text span inherit fw={400}>
          <CopiedId of="id of the approval" id={approval.approval_id} />
        </Text>
      </Text>
      <Table aria-label="Steps of the approval" withTableBorder verticalSpacing={6} fz="sm">
        <Table.Tbody>
          {approval.steps.map((step) => (
            <Table.Tr key={`${step.log} ${step.position}`}>
              <Table.Th scope="row" w={90} style={{ verticalAlign: 'top' }}>
                {words[step.type] ?? step.type}
              </Table.Th>
              <Table.Td style={{ verticalAlign: 'top' }}>
                <StepText step={step} />
              </Table.Td>
              <Table.Td w={240} style={{ verticalAlign: 'top' }}>
                <Time ms={Date.parse(step.at)} />
              </Table.Td>
              <Table.Td w={110} style={{ verticalAlign: 'top' }}>
                <ProofLink log={step.log} position={step.position} />
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Stack>
  )
}

const words: Readonly<Record<string, string>> = {
  'approval.requested': 'Held',
  'approval.granted': 'Approved',
  'approval.denied': 'Denied',
  'approval.expired': 'Expired',
  'approval.used': 'Used',
  'approval.overridden': 'Break-glass',
  'override.reviewed': 'Reviewed',
  'override.overdue': 'Overdue',
}

function StepText({ step }: { readonly step: ApprovalStep }) {
  const { type, actor, on_behalf_of: behind, requirements, missing } = step
  const forWhom = behind.length === 0 ? '' : ` on behalf of ${behind.map(nameOf).join(', ')}`
  switch (type) {
    case 'approval.requested':
      return (
        <>
          asked by {nameOf(actor)}
          {forWhom}
          <Small>
            {requirements
              .map(
                ({ rule_id: rule, role, approvers }) =>
                  `rule ${rule}, which needs ${approvers} × ${role}`,
              )
              .join('; ')}
          </Small>
        </>
      )
    case 'approval.granted':
    case 'approval.denied':
      return (
        <>
          by {nameOf(actor)}: {step.reason}
          {missing !== null && missing > 0 && type === 'approval.granted' && (
            <Small>{missing} more needed</Small>
          )}
        </>
      )
    case 'approval.used':
      return (
        <>
          by {nameOf(actor)}
          {forWhom},{' '}
          {step.override === null
            ? `with the approval of ${step.approvers.map(nameOf).join(' and ')}`
            : `by break-glass of ${nameOf(step.override.by)}`}
          <Small>request {step.request_id}</Small>
        </>
      )
    case 'approval.overridden':
      return (
        <>
          by {nameOf(actor)}: {step.reason}
          {step.override?.due_at != null && (
            <Small>
              to be reviewed until <Time ms={Date.parse(step.override.due_at)} />
            </Small>
          )}
        </>
      )
    case 'override.reviewed':
      return (
        <>
          by {nameOf(actor)}, {verdictOf(step)}: {step.reason}
        </>
      )
    case 'override.overdue':
      return <>not reviewed in time</>
    default:
      return <>not answered, or not used, in time</>
  }
}

function Small({ children }: { readonly children: ReactNode }) {
  return (
    <Text size="xs" c="dimmed" component="div" className="exact">
      {children}
    </Text>
  )
}
