import { Command } from 'commander'

import manifest from '../../package.json' with { type: 'json' }
import { edgeCommand } from './edge.ts'
import { initEdge } from './init-edge.ts'
import { runProgram } from './run-program.ts'

// The command of an image that holds nothing but the edge: the same words as the whole command, and no others.
await runProgram(
  new Command('affidavit')
    .description('The edge of Affidavit, alone.')
    .version(manifest.version)
    .showHelpAfterError()
    .addCommand(
      new Command('init')
        .description('Prepare the data directory, key and certificate of an edge.')
        .requiredOption('--edge', 'an edge is all that is here')
        .option('--config <file>', 'the configuration', 'affidavit.yaml')
        .action(({ config }: { readonly config: string }) => initEdge(config)),
    )
    .addCommand(edgeCommand()),
)
