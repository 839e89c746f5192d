import { createProgram } from './program.ts'
import { reportFailure } from './failure.ts'

const [major] = process.versions.node.split('.')
if (Number(major) < 24) {
  process.stderr.write(`affidavit needs Node 24 or newer; this is ${process.version}\n`)
  process.exit(1)
}

try {
  await createProgram().parseAsync()
} catch (error) {
  process.exitCode = reportFailure(error)
}
