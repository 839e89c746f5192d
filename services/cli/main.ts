import { createProgram } from './program.ts'
import { reportFailure } from './failure.ts'

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

try {
  await createProgram().parseAsync()
} catch (error) {
  process.exitCode = reportFailure(error)
}
