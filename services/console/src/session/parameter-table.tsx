import { Table, Text } from '@mantine/core'

import { shownText } from '../../../runtime/shown-text.ts'
import type { Entry } from '../api/shapes.ts'
import { bytes } from '../words/quantities.ts'

export function ParameterTable({ parameters }: { readonly parameters: Entry['parameters'] }) {
  if (parameters.length === 0) return null
  return (
    <div>
      <Text size="sm" fw={600}>
        Bind parameters
      </Text>
      <Table aria-label="Bind parameters" withTableBorder verticalSpacing={4}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th scope="col">Parameter</Table.Th>
            <Table.Th scope="col">Value</Table.Th>
            <Table.Th scope="col">Format</Table.Th>
            <Table.Th scope="col" ta="right">
              Size
            </Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {parameters.map(({ format, value, bytes: size }, index) => (
            <Table.Tr key={index}>
              <Table.Td>${index + 1}</Table.Td>
              <Table.Td ff="monospace" className="exact">
                {value === null ? <NullValue /> : shownText(value)}
              </Table.Td>
              <Table.Td>{format === 1 ? 'binary' : 'text'}</Table.Td>
              <Table.Td ta="right">{bytes(size)}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </div>
  )
}

/** A value that is not there, told apart from the text "NULL". */
export function NullValue() {
  return (
    <Text span inherit fs="italic" c="dimmed">
      NULL
    </Text>
  )
}
