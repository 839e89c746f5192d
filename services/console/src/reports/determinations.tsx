import { Table } from '@mantine/core'

import type { ReportRun } from '../api/shapes.ts'

/** What the evidence says about each objective, in the report's own words. */
export function Determinations({ determinations }: Pick<ReportRun, 'determinations'>) {
  if (determinations.length === 0) return null
  return (
    <Table.ScrollContainer minWidth={600} className="stacking">
      <Table withTableBorder aria-label="Determinations" verticalSpacing="xs" className="stacked">
        <Table.Thead>
          <Table.Tr>
            <Table.Th scope="col">Objective</Table.Th>
            <Table.Th scope="col">Determination</Table.Th>
            <Table.Th scope="col">Why</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {determinations.map(({ objective, determination, summary }) => (
            <Table.Tr key={objective}>
              <Table.Th scope="row" className="numbers">
                {objective}
              </Table.Th>
              <Table.Td>{determination.replaceAll(/[_-]/g, ' ')}</Table.Td>
              <Table.Td className="whole">{summary}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  )
}
