import { Collapse, Group, Paper, Text, UnstyledButton } from '@mantine/core'
import { useEffect, useRef, useState } from 'react'

import { shownLine } from '../../../runtime/shown-text.ts'
import type { ApprovalHistory, Statement } from '../api/shapes.ts'
import { ProofLink } from '../proof/proof-link.tsx'
import { DecisionBadge } from '../words/decision-badge.tsx'
import { OutcomeBadge } from '../words/outcome-badge.tsx'
import { bytes, counted, durationUs, maskedValues } from '../words/quantities.ts'
import { Time } from '../words/time.tsx'
import { TransactionBadge } from '../words/transaction-end.tsx'
import { inBrief } from './statement-approval.ts'
import { StatementDetails } from './statement-details.tsx'

/** The whole of it is below, from its sealed entry. */
const mostShown = 500

interface StatementItemProps {
  readonly statement: Statement
  /** What held it, where something did. */
  readonly approval: ApprovalHistory | null
  readonly number: number
  /** Number of the statement that ended its transaction; null where none did, or it is not shown yet. */
  readonly endedBy: number | null
  /** The address points at it. */
  readonly isAnchored: boolean
}

export function StatementItem(props: StatementItemProps) {
  const { statement, approval, number, endedBy, isAnchored } = props
  const [isOpen, setOpen] = useState(isAnchored)
  const item = useRef<HTMLLIElement>(null)
  useEffect(() => {
    if (!isAnchored) return
    setOpen(true)
    item.current?.scrollIntoView({ block: 'center' })
  }, [isAnchored])
  return (
    <li id={`request-${statement.requestId}`} ref={item}>
      <Paper withBorder className={isAnchored ? 'at-anchor' : ''}>
        <UnstyledButton
          w="100%"
          px="sm"
          pt="xs"
          pb={4}
          aria-expanded={isOpen}
          className="statement-button"
          onClick={() => {
            setOpen(!isOpen)
          }}
        >
          <Group gap="4px var(--mantine-spacing-sm)" className="statement-line">
            <Text size="sm" c="dimmed" className="numbers" miw="2.5ch" ta="right">
              {number}
            </Text>
            <DecisionBadge decision={statement.decision} masked={statement.masked} />
            <Text size="sm" ff="monospace" truncate className="statement-text">
              {shownLine(statement.statement, mostShown)}
            </Text>
            <span className="statement-outcome">
              <OutcomeBadge outcome={statement.outcome} />
            </span>
            <span aria-hidden className="turning" data-open={isOpen}>
              ›
            </span>
          </Group>
        </UnstyledButton>
        <Group
          gap="2px var(--mantine-spacing-md)"
          px="sm"
          pb="xs"
          pl={{ base: 'sm', sm: 52 }}
          fz="xs"
          c="dimmed"
        >
          <TransactionBadge transaction={statement.transaction} />
          <Time ms={statement.receivedAtMs} />
          <span>
            {statement.operation}, {statement.mode}
          </span>
          {statement.operation === 'commit' && statement.commandTag === 'ROLLBACK' && (
            <span>the target answered ROLLBACK</span>
          )}
          {statement.rows !== null && <span>{counted(statement.rows, 'row')}</span>}
          {maskedValues(statement.masked) !== '' && <span>{maskedValues(statement.masked)}</span>}
          {statement.bytesOut !== null && <span>{bytes(statement.bytesOut)}</span>}
          {statement.durationUs !== null && <span>{durationUs(statement.durationUs)}</span>}
          {statement.ruleIds.length > 0 && <span>by rule {statement.ruleIds.join(', ')}</span>}
          {approval !== null && <span>{inBrief(approval, statement.requestId)}</span>}
          <ProofLink log={statement.log} position={statement.position} />
        </Group>
        <Collapse expanded={isOpen} keepMounted={false}>
          <StatementDetails statement={statement} approval={approval} endedBy={endedBy} />
        </Collapse>
      </Paper>
    </li>
  )
}
