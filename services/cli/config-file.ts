import { readFileSync } from 'node:fs'

import { formatProblem } from '../../schemas/validated-document.ts'
import { parseConfig } from '../runtime/config.ts'
import type { Config } from '../runtime/config.ts'
import { CommandFailure } from './failure.ts'

/** The configuration in this file; all its mistakes at once in a failure with exit status 2. */
export function readConfig(file: string): Config {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (cause) {
    throw new CommandFailure(
      `${file} cannot be read; write one to start from with: affidavit init --config ${file}`,
      2,
      { cause },
    )
  }
  const result = parseConfig(text, file)
  if (result.ok) return result.config
  throw new CommandFailure(
    `${file} has mistakes; nothing was started\n${result.problems.map(formatProblem).join('\n')}`,
    2,
  )
}
