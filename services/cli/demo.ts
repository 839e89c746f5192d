import { Command, InvalidArgumentError } from 'commander'

import { agentCommand, issuerCommand, sampleDataCommand, secretsCommand } from './demo-parts.ts'
import { writeSignIn } from './sign-in.ts'

interface DemoCommandOptions {
  readonly data: string
  readonly portBase: number
  readonly once?: boolean
  readonly logLevel: string
}

export function demoCommand(): Command {
  return new Command('demo')
    .description(
      'The whole product on this machine: a PostgreSQL to protect, an identity provider, an agent at work.',
    )
    .option(
      '--data <directory>',
      'where everything is kept; a second start goes on there',
      './data',
    )
    .option('--port-base <number>', 'the first of four ports in a row', port, 21_400)
    .option('--once', 'end when the first report is written and verified')
    .option('--log-level <level>', 'debug, info, warn or error', 'warn')
    .addHelpText(
      'after',
      '\nThe commands are its parts, for a demo whose parts run apart, as in docker-compose.yml.',
    )
    .addCommand(secretsCommand())
    .addCommand(issuerCommand())
    .addCommand(sampleDataCommand())
    .addCommand(agentCommand())
    .action(async (options: DemoCommandOptions) => {
      const { runDemo } = await import('../all-in-one/demo/run-demo.ts')
      await runDemo({
        directory: options.data,
        portBase: options.portBase,
        once: options.once === true,
        logLevel: options.logLevel,
        keepSignIn: writeSignIn,
      })
    })
}

function port(value: string): number {
  const number = Number(value)
  if (!Number.isInteger(number) || number < 1024 || number > 65_532) {
    throw new InvalidArgumentError('expected a number from 1024 to 65532')
  }
  return number
}
