import { Code, Stack, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'

import { allReports } from '../api/questions.ts'
import { PageTitle } from '../shell/page-title.tsx'
import { NothingHere } from '../words/nothing-here.tsx'
import { Reading } from '../words/reading.tsx'
import { ReportItem } from './report-item.tsx'
import { RunReport } from './run-report.tsx'

export function ReportsPage() {
  const question = useQuery(allReports)
  const { data } = question
  return (
    <Stack>
      <PageTitle>Reports</PageTitle>
      <Text maw="75ch">
        A report shows what the sealed entries say about a control: a population, rules over it, a
        sample with proofs. It is a signed bundle that an auditor checks offline with{' '}
        <Code>affidavit verify</Code>, or with openssl and sha256sum alone.
      </Text>
      <RunReport />
      <Reading what="reports" question={question} />
      {data?.reports.length === 0 && (
        <NothingHere title="No reports yet">
          Run one above, or wait for the schedule in the configuration.
        </NothingHere>
      )}
      <Stack component="ol" p={0} m={0} style={{ listStyle: 'none' }}>
        {data?.reports.map((run, index) => (
          <ReportItem key={run.id} run={run} isNewest={index === 0} />
        ))}
      </Stack>
    </Stack>
  )
}
