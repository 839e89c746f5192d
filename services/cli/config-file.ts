import { readFileSync } from 'node:fs'

import { formatProblem } from '../../schemas/validated-document.ts'
import type { Config, EdgeConfig } from '../runtime/config.ts'
import { parseConfig, parseEdgeConfig } from '../runtime/parse-config.ts'
import type { ConfigResult } from '../runtime/parse-config.ts'
import { CommandFailure } from './failure.ts'

/** The configuration in this file; all its mistakes at once in a failure with exit status 2. */
export function readConfig(file: string): Config {
  return read(file, parseConfig)
}

/** The same of an edge of its own. */
export function readEdgeConfig(file: string): EdgeConfig {
  return read(file, parseEdgeConfig)
}

function read<T>(file: string, parse: (text: string, file: string) => ConfigResult<T>): T {
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
  const result = parse(text, file)
  if (result.ok) return result.config
  throw new CommandFailure(
    `${file} has mistakes; nothing was started\n${result.problems.map(formatProblem).join('\n')}`,
    2,
  )
}
