import { Anchor, Group, Table, Text } from '@mantine/core'
import { Link } from 'react-router'

import { shownStart, shownText } from '../../../runtime/shown-text.ts'
import type { SearchHit } from '../api/shapes.ts'
import { ProofLink } from '../proof/proof-link.tsx'
import { ActorKind } from '../words/actor-name.tsx'
import { DecisionBadge } from '../words/decision-badge.tsx'
import { OutcomeBadge } from '../words/outcome-badge.tsx'
import { counted, durationUs, maskedValues } from '../words/quantities.ts'
import { Time } from '../words/time.tsx'
import { TransactionBadge } from '../words/transaction-end.tsx'

/** More than the three lines that there is room for. */
const mostShown = 1_000

export function HitTable({ hits }: { readonly hits: readonly SearchHit[] }) {
  return (
    <Table.ScrollContainer minWidth={760} className="stacking">
      <Table striped verticalSpacing="xs" aria-label="Found" className="stacked">
        <Table.Thead>
          <Table.Tr>
            <Table.Th scope="col">Time (UTC)</Table.Th>
            <Table.Th scope="col">Actor</Table.Th>
            <Table.Th scope="col">What</Table.Th>
            <Table.Th scope="col">Decision and outcome</Table.Th>
            <Table.Th scope="col">Ledger</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {hits.map((hit) => (
            <HitRow key={`${hit.log} ${hit.position}`} hit={hit} />
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  )
}

function HitRow({ hit }: { readonly hit: SearchHit }) {
  return (
    <Table.Tr>
      <Table.Td valign="top" data-of="Time (UTC)">
        <Time ms={hit.occurredAtMs} withZone={false} />
      </Table.Td>
      <Table.Td valign="top">
        {hit.actor !== '' && (
          <Group gap="0 6px">
            <Text span inherit fw={600}>
              {shownText(hit.actor)}
            </Text>
            <ActorKind kind={hit.actorKind} />
          </Group>
        )}
        {hit.onBehalfOf.length > 0 && (
          <Text size="xs" c="dimmed">
            on behalf of {hit.onBehalfOf.join(', ')}
          </Text>
        )}
        {hit.target !== null && (
          <Text size="xs" c="dimmed">
            on {hit.target}
          </Text>
        )}
      </Table.Td>
      <Table.Td valign="top" maw={560} className="whole">
        <What hit={hit} />
      </Table.Td>
      <Table.Td valign="top">
        {hit.decision !== null && (
          <Group gap={6}>
            <DecisionBadge decision={hit.decision} masked={hit.masked} />
            <OutcomeBadge outcome={hit.outcome} />
            <TransactionBadge transaction={hit.transaction} />
          </Group>
        )}
        <Text size="xs" c="dimmed">
          {[
            hit.rows === null ? '' : counted(hit.rows, 'row'),
            maskedValues(hit.masked),
            hit.durationUs === null ? '' : durationUs(hit.durationUs),
            hit.errorCode ?? '',
            hit.ruleIds.length === 0 ? '' : `rule ${hit.ruleIds.join(', ')}`,
          ]
            .filter((part) => part !== '')
            .join(', ')}
        </Text>
      </Table.Td>
      <Table.Td valign="top">
        <ProofLink log={hit.log} position={hit.position} />
      </Table.Td>
    </Table.Tr>
  )
}

function What({ hit }: { readonly hit: SearchHit }) {
  const what =
    hit.statement === null ? (
      hit.type
    ) : (
      <Text span inherit ff="monospace" size="sm" lineClamp={3} className="exact">
        {shownStart(hit.statement, mostShown)}
      </Text>
    )
  return (
    <>
      {hit.sessionId === null ? (
        what
      ) : (
        <Anchor component={Link} inherit to={addressOf(hit.sessionId, hit.requestId)}>
          {what}
        </Anchor>
      )}
      {hit.remark !== null && (
        <Text span display="block" size="sm" className="exact">
          {shownText(hit.remark)}
        </Text>
      )}
    </>
  )
}

function addressOf(sessionId: string, requestId: string | null): string {
  const anchor = requestId === null ? '' : `#request-${requestId}`
  return `/sessions/${encodeURIComponent(sessionId)}${anchor}`
}
