import { Alert, Box, Stack, Table, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'

import { shownText } from '../../../runtime/shown-text.ts'
import { recordedResult } from '../api/questions.ts'
import type { RecordedRows, Statement } from '../api/shapes.ts'
import { CopiedText } from '../words/copied-text.tsx'
import { count, counted } from '../words/quantities.ts'
import { Reading } from '../words/reading.tsx'
import { NullValue } from './parameter-table.tsx'

const mostShown = 500

/** What went to the client, as far as it was recorded. */
export function RecordedResult({ statement }: { readonly statement: Statement }) {
  const { log, responsePositions, completedPosition } = statement
  const positions = [
    ...responsePositions,
    ...(completedPosition === null ? [] : [completedPosition]),
  ]
  const question = useQuery({
    ...recordedResult(log, positions),
    enabled: positions.length > 0,
  })
  const { data } = question
  if (positions.length === 0) return null
  if (data === undefined || question.error !== null) {
    return <Reading what="recorded result" question={question} />
  }
  const copy = data.copy ?? ''
  if (data.results.length === 0 && copy === '') {
    return (
      <Text size="sm" c="dimmed">
        {data.truncated ? 'The result was not recorded.' : 'There is no recorded result.'}
      </Text>
    )
  }
  const isOnly = data.results.length === 1
  // Of several statements it is known of all of them together only.
  const allRows = statement.commandTag?.includes('; ') === true ? null : statement.rows
  return (
    <Stack gap="sm">
      {data.results.map((result, index) => (
        <ResultTable
          key={index}
          result={result}
          name={isOnly ? 'Recorded result' : `Recorded result ${index + 1}`}
          allRows={allRows}
        />
      ))}
      {copy !== '' && <CopiedText label="Recorded COPY data" text={copy} />}
      {data.truncated && <Truncated />}
    </Stack>
  )
}

interface ResultTableProps {
  readonly result: RecordedRows['results'][number]
  readonly name: string
  /** How many rows the target answered with; null where that is not known. */
  readonly allRows: number | null
}

function ResultTable({ result, name, allRows }: ResultTableProps) {
  const shown = result.rows.slice(0, mostShown)
  return (
    <Stack gap={4}>
      <Text size="sm" fw={600}>
        {name},{' '}
        {allRows !== null && allRows !== result.rows.length
          ? `${count(result.rows.length)} of ${counted(allRows, 'row')}`
          : counted(result.rows.length, 'row')}
      </Text>
      <Box tabIndex={0} role="group" aria-label={name} mah={420} style={{ overflow: 'auto' }}>
        <Table withTableBorder withColumnBorders stickyHeader verticalSpacing={4} fz="xs">
          <Table.Thead>
            <Table.Tr>
              {result.columns.map(({ name }, index) => (
                <Table.Th key={index} scope="col">
                  {shownText(name)}
                </Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {shown.map((row, index) => (
              <Table.Tr key={index}>
                {row.map((value, column) => (
                  <Table.Td key={column} ff="monospace" maw={420} className="exact">
                    {value === null ? <NullValue /> : shownText(value)}
                  </Table.Td>
                ))}
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Box>
      {shown.length < result.rows.length && (
        <Text size="xs" c="dimmed">
          The first {count(shown.length)} are shown here.
        </Text>
      )}
    </Stack>
  )
}

function Truncated() {
  return (
    <Alert color="yellow" p="xs" icon={<span aria-hidden>…</span>} title="The record ends here">
      The result went on beyond the size that is recorded. Its full length and digest are in the
      entry.
    </Alert>
  )
}
