import { Command } from 'commander'

import { createLogger } from '../runtime/logger.ts'
import { readEdgeConfig } from './config-file.ts'
import { requireNamedFiles } from './named-files.ts'
import { sayTargets } from './say-targets.ts'

export function edgeCommand(): Command {
  return new Command('edge')
    .description('Run the edges alone. They need Kafka and their configuration, nothing else.')
    .option('--config <file>', 'the configuration', 'affidavit.yaml')
    .option('--log-level <level>', 'debug, info, warn or error', 'info')
    .addHelpText(
      'after',
      `
Run affidavit init --edge first. While Kafka is away, what happens is kept in the spool; nothing recorded is lost.`,
    )
    .action(edge)
}

async function edge(options: {
  readonly config: string
  readonly logLevel: string
}): Promise<void> {
  const config = readEdgeConfig(options.config)
  requireNamedFiles(config, options.config)
  const { startEdgeAlone } = await import('../all-in-one/edge-alone.ts')
  await using running = await startEdgeAlone(config, createLogger(options.logLevel))
  running.lifecycle.stopOnSignals()
  sayTargets(config)
  await running.stopped
}
