import { Table } from '@mantine/core'
import type { ReactNode } from 'react'

import type { Approval } from '../api/shapes.ts'
import { CopiedId } from '../words/copied-id.tsx'

/** What the approver has to know beside the statement. */
export function ApprovalFacts({ approval }: { readonly approval: Approval }) {
  const { requirements, missing, reads, writes, functions } = approval
  const facts: readonly (readonly [string, ReactNode])[] = [
    [
      'Held by',
      requirements
        .map(({ rule_id: rule, role, approvers }) => `${rule} (${approvers} × ${role})`)
        .join(', '),
    ],
    [
      'Break-glass',
      requirements
        .map(({ break_glass: each }) =>
          each === null ? '' : `by ${each.role}, reviewed within ${each.review_within_hours} h`,
        )
        .filter((text) => text !== '')
        .join(', '),
    ],
    ['Still missing', missing.map(({ role, count }) => `${count} × ${role}`).join(', ')],
    ['Would change', writes.join(', ')],
    ['Would read', reads.join(', ')],
    ['Would call', functions.join(', ')],
    ['Runs as', `${approval.role} in ${approval.database}`],
    ['Purpose', approval.purpose],
    ['Approval', <CopiedId key="id" of="id of the approval" id={approval.approval_id} />],
  ]
  return (
    <Table withRowBorders={false} verticalSpacing={2} aria-label="What it would do">
      <Table.Tbody>
        {facts
          .filter(([, value]) => value !== '' && value !== null)
          .map(([name, value]) => (
            <Table.Tr key={name}>
              <Table.Th scope="row" w={150}>
                {name}
              </Table.Th>
              <Table.Td className="exact">{value}</Table.Td>
            </Table.Tr>
          ))}
      </Table.Tbody>
    </Table>
  )
}
