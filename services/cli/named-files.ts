import { accessSync, constants, existsSync } from 'node:fs'

import { CommandFailure } from './failure.ts'

// What an operator puts there. Keys and certificates that init makes are asked for where they are used.
const names = new Set([
  'caFile',
  'classificationFile',
  'clientSecretFile',
  'passwordFile',
  'policyFile',
  'secretFile',
])

/** Fails with every file that a configuration names and this process cannot read, all at once, before anything is started. */
export function requireNamedFiles(
  config: { readonly dataDirectory: string },
  configFile: string,
): void {
  // Before init has made it, the start says that first.
  if (!existsSync(config.dataDirectory)) return
  const missing = [...new Set(filesIn(config))].filter((file) => !isReadable(file))
  if (missing.length === 0) return
  throw new CommandFailure(
    `${configFile} names files that cannot be read; nothing was started\n${missing.join('\n')}`,
    2,
  )
}

function filesIn(value: unknown): readonly string[] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, each]) =>
    typeof each === 'string' && names.has(name) ? [each] : filesIn(each),
  )
}

function isReadable(file: string): boolean {
  try {
    accessSync(file, constants.R_OK)
    return true
  } catch {
    return false
  }
}
