import { Table } from '@mantine/core'

import { count } from '../words/quantities.ts'
import { utcTime } from '../words/utc-time.ts'
import { total } from './hours.ts'
import type { Hour } from './hours.ts'

export function ActivityTable({ hours }: { readonly hours: readonly Hour[] }) {
  return (
    <Table withTableBorder aria-label="Statements per hour" maw={720}>
      <Table.Thead>
        <Table.Tr>
          <Table.Th scope="col">Hour (UTC)</Table.Th>
          {['Statements', 'Allowed', 'Errors', 'Held', 'Blocked', 'Rows'].map((name) => (
            <Table.Th key={name} scope="col" ta="right">
              {name}
            </Table.Th>
          ))}
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {hours.toReversed().map((hour) => (
          <Table.Tr key={hour.hourMs}>
            <Table.Td className="numbers">{utcTime(hour.hourMs).slice(0, 16)}</Table.Td>
            {[total(hour), hour.allowed, hour.errors, hour.held, hour.blocked, hour.rows].map(
              (value, index) => (
                <Table.Td key={index} ta="right" className="numbers">
                  {count(value)}
                </Table.Td>
              ),
            )}
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  )
}
