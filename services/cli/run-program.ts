import type { Command } from 'commander'

import { reportFailure, reportFault } from './failure.ts'

/** Runs a program as the process: its failures become a sentence and the exit status. */
export async function runProgram(program: Command): Promise<void> {
  const [major] = process.versions.node.split('.')
  if (Number(major) < 24) {
    process.stderr.write(`affidavit needs Node 24 or newer; this is ${process.version}\n`)
    process.exit(1)
  }

  // Whoever reads the output may stop reading, as `head` does.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    process.exit(0)
  })

  process.on('uncaughtException', (error: unknown) => {
    process.exit(reportFault(error))
  })

  try {
    await program.parseAsync()
  } catch (error) {
    process.exitCode = reportFailure(error)
  }
}
