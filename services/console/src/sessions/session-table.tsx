import { Anchor, Table, Text } from '@mantine/core'
import { Link } from 'react-router'

import type { Session } from '../api/shapes.ts'
import { ActorName } from '../words/actor-name.tsx'
import { count, durationMs } from '../words/quantities.ts'
import { Time } from '../words/time.tsx'
import { SessionState } from './session-state.tsx'

export function SessionTable({ sessions }: { readonly sessions: readonly Session[] }) {
  return (
    <Table.ScrollContainer minWidth={760} className="stacking">
      <Table
        striped
        highlightOnHover
        verticalSpacing="xs"
        horizontalSpacing="xs"
        aria-label="Sessions"
        className="stacked"
      >
        <Table.Thead>
          <Table.Tr>
            <Table.Th scope="col">Started (UTC)</Table.Th>
            <Table.Th scope="col">Actor</Table.Th>
            <Table.Th scope="col">Target</Table.Th>
            <Table.Th scope="col" ta="right">
              Statements
            </Table.Th>
            <Table.Th scope="col" ta="right">
              Held
            </Table.Th>
            <Table.Th scope="col" ta="right">
              Blocked
            </Table.Th>
            <Table.Th scope="col" ta="right">
              Errors
            </Table.Th>
            <Table.Th scope="col" ta="right">
              Rows
            </Table.Th>
            <Table.Th scope="col" ta="right">
              Duration
            </Table.Th>
            <Table.Th scope="col">State</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {sessions.map((session) => (
            <SessionRow key={session.sessionId} session={session} />
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  )
}

function SessionRow({ session }: { readonly session: Session }) {
  return (
    <Table.Tr>
      <Table.Td data-of="Started (UTC)">
        <Anchor component={Link} inherit to={`/sessions/${encodeURIComponent(session.sessionId)}`}>
          <Time ms={session.startedAtMs} withZone={false} />
        </Anchor>
      </Table.Td>
      <Table.Td miw={150}>
        <ActorName actor={session.actor} />
      </Table.Td>
      <Table.Td>
        {session.target}
        {session.database !== null && session.database !== session.target && (
          <Text size="xs" c="dimmed">
            {session.database}
          </Text>
        )}
      </Table.Td>
      <Count of="Statements" value={session.statements} />
      <Count of="Held" value={session.held} symbol="‖" color="yellow" />
      <Count of="Blocked" value={session.blocked} symbol="⊘" color="red" />
      <Count of="Errors" value={session.errors} symbol="!" color="orange" />
      <Count of="Rows" value={session.rows} />
      <Table.Td ta="right" className="numbers" data-of="Duration">
        {session.endedAtMs === null ? '' : durationMs(session.endedAtMs - session.startedAtMs)}
      </Table.Td>
      <Table.Td>
        <SessionState endedAtMs={session.endedAtMs} outcome={session.outcome} />
      </Table.Td>
    </Table.Tr>
  )
}

interface CountProps {
  /** What its column is called. */
  readonly of: string
  readonly value: number
  /** Marks a number above zero. */
  readonly symbol?: string
  readonly color?: string
}

function Count({ of, value, symbol, color }: CountProps) {
  const isMarked = symbol !== undefined && value > 0
  return (
    <Table.Td ta="right" className="numbers" data-of={of}>
      {isMarked ? (
        <Text
          span
          inherit
          fw={700}
          {...(color === undefined ? {} : { className: `marked-${color}` })}
        >
          <span aria-hidden>{symbol} </span>
          {count(value)}
        </Text>
      ) : (
        count(value)
      )}
    </Table.Td>
  )
}
