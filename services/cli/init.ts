import { existsSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'

import { Command } from 'commander'

import { createLogger } from '../runtime/logger.ts'
import { readConfig } from './config-file.ts'
import { initEdge } from './init-edge.ts'
import { configTemplate, policyTemplate } from './templates.ts'

export function initCommand(): Command {
  return new Command('init')
    .description('Prepare a deployment: first the files to edit, then its keys and its ledger.')
    .option('--config <file>', 'the configuration', 'affidavit.yaml')
    .option('--edge', 'prepare an edge that runs elsewhere than the services')
    .addHelpText(
      'after',
      `
Without the file: writes it, and policy.yaml beside it, to be edited. With it: makes the data directory, the keys and the
ledger. With --edge: the data directory, key and certificate of an edge alone. Nothing that exists is overwritten. Keep the printed keys where your auditors find them.`,
    )
    .action(init)
}

async function init(options: { readonly config: string; readonly edge?: boolean }): Promise<void> {
  const file = resolve(options.config)
  if (!existsSync(file)) {
    writeFileSync(file, configTemplate)
    process.stdout.write(`wrote ${file}\n`)
    const policy = join(dirname(file), 'policy.yaml')
    if (!existsSync(policy)) {
      writeFileSync(policy, policyTemplate)
      process.stdout.write(`wrote ${policy}\n`)
    }
    process.stdout.write('Edit both, then run affidavit init again.\n')
    return
  }
  if (options.edge === true) {
    await initEdge(file)
    return
  }
  const { fingerprintOf } = await import('../reporter/bundle/keys.ts')
  const { initializeData } = await import('../all-in-one/initialize-data.ts')
  const made = await initializeData(readConfig(file), createLogger('warn'))
  process.stdout.write(`made ${made.directory}\n`)
  for (const log of made.logs) process.stdout.write(`log ${log.origin}\n  ${log.vkey}\n`)
  process.stdout.write(
    `reports are signed by\n  ${made.reporterVkey}\n  fingerprint ${fingerprintOf(made.reporterVkey)}\n`,
  )
}
