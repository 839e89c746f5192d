import { Command } from 'commander'

import { createLogger } from '../runtime/logger.ts'
import { CommandFailure } from './failure.ts'
import { readConfig } from './config-file.ts'
import { requireNamedFiles } from './named-files.ts'
import { sayTargets } from './say-targets.ts'

export function upCommand(): Command {
  return new Command('up')
    .description('Run edges, ledger, index, reports, api and console in one process.')
    .option('--config <file>', 'the configuration', 'affidavit.yaml')
    .option('--without-edges', 'edges run elsewhere: affidavit edge')
    .option('--log-level <level>', 'debug, info, warn or error', 'info')
    .addHelpText(
      'after',
      '\nRun affidavit init first. Ctrl-C stops it in order; nothing recorded is lost either way.',
    )
    .action(up)
}

interface UpOptions {
  readonly config: string
  readonly logLevel: string
  readonly withoutEdges?: boolean
}

async function up(options: UpOptions): Promise<void> {
  const config = readConfig(options.config)
  // What is needed to reach targets is where their edges run.
  const named = options.withoutEdges === true ? { ...config, targets: [] } : config
  requireNamedFiles(named, options.config)
  const { ProductError, startProduct } = await import('../all-in-one/product.ts')
  await using product = await startProduct(config, createLogger(options.logLevel), {
    edges: options.withoutEdges !== true,
  }).catch((error: unknown) => {
    throw error instanceof ProductError ? new CommandFailure(error.message, 2) : error
  })
  product.lifecycle.stopOnSignals()
  process.stdout.write(`console   ${config.api.publicUrl}\n`)
  if (options.withoutEdges !== true) sayTargets(config)
  await product.stopped
}
