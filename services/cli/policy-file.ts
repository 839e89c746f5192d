import { readFileSync } from 'node:fs'

import { formatProblem } from '../../schemas/validated-document.ts'
import type { CompiledPolicy, PolicyResult } from '../edge/guard/policy.ts'
import type { Catalog } from '../edge/guard/policy/catalog.ts'
import { CommandFailure } from './failure.ts'

export function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw new CommandFailure(`${file} cannot be read`, 2, { cause })
  }
}

export async function loadPolicyFile(
  file: string,
  catalogs?: ReadonlyMap<string, Catalog>,
): Promise<PolicyResult> {
  const text = readText(file)
  const { loadPolicy } = await import('../edge/guard/policy.ts')
  return loadPolicy(text, file, catalogs)
}

/** The policy in this file, ready to decide; all its mistakes at once in a failure with exit status 2. */
export async function readPolicy(file: string): Promise<CompiledPolicy> {
  const loaded = await loadPolicyFile(file)
  if (!loaded.ok) {
    throw new CommandFailure(
      `${file} has mistakes\n${loaded.problems.map(formatProblem).join('\n')}`,
      2,
    )
  }
  const { compilePolicy } = await import('../edge/guard/policy.ts')
  return compilePolicy(loaded.policy)
}

export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`)
}
