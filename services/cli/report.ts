import { writeFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'

import { Command } from 'commander'

import type { ReportRun, ReportRuns } from '../api/schemas/reports.ts'
import { apiClient } from './api-client.ts'
import { CommandFailure } from './failure.ts'
import type { SignInOptions } from './sign-in.ts'

interface RunOptions extends SignInOptions {
  readonly from?: string
  readonly to?: string
  readonly output?: string
  readonly json?: boolean
}

export function reportCommand(): Command {
  const command = new Command('report').description(
    'Run control reports, list them and fetch them.',
  )
  command
    .command('run')
    .description('Run a report now; it is marked ad hoc.')
    .argument('<control>', 'au-2')
    .option('--from <time>', 'begin of the period, such as 2026-11-01T00:00:00Z')
    .option('--to <time>', 'end of the period; default is now')
    .option('--output <file>', 'write the bundle there')
    .option('--api <url>', 'where affidavit runs')
    .option('--sign-in <file>', 'the sign-in file to use')
    .option('--json', 'print the outcome as JSON')
    .action(run)
  command
    .command('list')
    .description('The reports there are, newest first.')
    .option('--api <url>', 'where affidavit runs')
    .option('--sign-in <file>', 'the sign-in file to use')
    .option('--json', 'print them as JSON')
    .action(list)
  command
    .command('download')
    .description('Fetch the bundle of a report.')
    .argument('<id>')
    .option('--output <file>', 'where to; default is ID.zip')
    .option('--api <url>', 'where affidavit runs')
    .option('--sign-in <file>', 'the sign-in file to use')
    .action(download)
  return command
}

async function run(control: string, options: RunOptions): Promise<void> {
  const client = await apiClient(options)
  let report = await client.post<ReportRun>('/v1/reports', {
    control,
    ...(options.from === undefined ? {} : { from: options.from }),
    ...(options.to === undefined ? {} : { to: options.to }),
  })
  let phase = ''
  while (report.state === 'running') {
    const now = `${report.progress.phase} ${report.progress.done}/${report.progress.total}`
    if (now !== phase) process.stderr.write(`${now}\n`)
    phase = now
    await pause(200)
    report = await client.get<ReportRun>(`/v1/reports/${report.id}`)
  }
  if (report.state === 'failed')
    throw new CommandFailure(`the report failed: ${report.reason ?? 'no reason given'}`)
  if (options.output !== undefined) {
    writeFileSync(options.output, await client.download(`/v1/reports/${report.id}/download`))
  }
  process.stdout.write(
    options.json === true ? `${JSON.stringify(report, null, 2)}\n` : line(report),
  )
}

async function list(options: RunOptions): Promise<void> {
  const client = await apiClient(options)
  const { reports } = await client.get<ReportRuns>('/v1/reports')
  if (options.json === true) {
    process.stdout.write(`${JSON.stringify(reports, null, 2)}\n`)
    return
  }
  process.stdout.write(reports.map(line).join(''))
}

async function download(id: string, options: RunOptions): Promise<void> {
  const client = await apiClient(options)
  const output = options.output ?? `${id}.zip`
  writeFileSync(output, await client.download(`/v1/reports/${id}/download`))
  process.stdout.write(`${output}\n`)
}

function line(report: ReportRun): string {
  return `${report.id}  ${report.control}  ${report.from} to ${report.to}  ${report.state}  ${report.exceptions ?? 0} exceptions\n`
}
