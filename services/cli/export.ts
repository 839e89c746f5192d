import { Command } from 'commander'

import { readConfig } from './config-file.ts'

interface ExportOptions {
  readonly c2sp: string
  readonly config: string
  readonly log?: string
  readonly json?: boolean
}

export function exportCommand(): Command {
  return new Command('export')
    .description('Write the logs in the public form that other verifiers read (C2SP tlog-tiles).')
    .requiredOption('--c2sp <directory>', 'where to; one folder per log')
    .option('--config <file>', 'the configuration of the deployment', 'affidavit.yaml')
    .option('--log <origin>', 'only this log')
    .option('--json', 'print what was written as JSON')
    .addHelpText(
      'after',
      `
Holds leaves, hashes and signed checkpoints, and no payload: it can be given away. Works while affidavit runs and when it does not.`,
    )
    .action(run)
}

async function run(options: ExportOptions): Promise<void> {
  const { exportLogs } = await import('../all-in-one/export-logs.ts')
  const written = await exportLogs(readConfig(options.config), options.c2sp, options.log ?? null)
  if (options.json === true) {
    process.stdout.write(`${JSON.stringify(written, null, 2)}\n`)
    return
  }
  for (const log of written) {
    process.stdout.write(`${log.origin}  ${log.size} entries  ${log.directory}\n  ${log.vkey}\n`)
  }
}
