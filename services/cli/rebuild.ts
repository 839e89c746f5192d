import { Command } from 'commander'

import { createLogger } from '../runtime/logger.ts'
import { readConfig } from './config-file.ts'

export function rebuildCommand(): Command {
  return new Command('rebuild')
    .description('Make the search index anew from the ledger. Stop affidavit first.')
    .option('--config <file>', 'the configuration', 'affidavit.yaml')
    .option('--log-level <level>', 'debug, info, warn or error', 'warn')
    .addHelpText(
      'after',
      '\nThe index only finds entries and holds nothing of its own: it may be deleted and made again.',
    )
    .action(async (options: { readonly config: string; readonly logLevel: string }) => {
      const stop = new AbortController()
      process.once('SIGINT', () => {
        stop.abort()
      })
      const { remakeIndex } = await import('../all-in-one/remake-index.ts')
      const { logs, entries } = await remakeIndex(
        readConfig(options.config),
        createLogger(options.logLevel),
        stop.signal,
      )
      process.stdout.write(`indexed ${entries} entries of ${logs} logs\n`)
    })
}
