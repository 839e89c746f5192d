import { readdir, readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'

import {
  compileSchema,
  formatProblem,
  parseYamlDocument,
} from '../../schemas/validated-document.ts'
import schema from './case.schema.json' with { type: 'json' }

/** One way around the edge, and what must become of it. What each field means is said in the README beside this file. */
export interface BypassCase {
  readonly id: string
  readonly title: string
  readonly why: string
  readonly source?: string
  readonly policy: string
  readonly engines?: readonly (15 | 18)[]
  readonly setup?: string
  /** SQL that somebody runs directly at the target while the edges know it as it was. */
  readonly plants?: string
  readonly through?: readonly ClientKind[]
  readonly vary?: readonly Variation[]
  readonly attempts: readonly Attempt[]
  readonly expect: Expectation | readonly Expectation[]
  readonly shows?: readonly string[]
  readonly changes?: boolean
  readonly after?: readonly { readonly sql: string; readonly is: string }[]
}

export type ClientKind =
  'simple' | 'extended' | 'binary' | 'pipelined' | 'split' | 'pg' | 'pg-values' | 'psql'

export type Variation = 'case' | 'comments' | 'blanks' | 'quoted' | 'unicode' | 'strings' | 'nested'

export type Attempt =
  | string
  | readonly string[]
  | {
      readonly startup: Readonly<Record<string, string>>
      readonly minor?: number
      readonly texts: readonly string[]
    }
  | { readonly wire: readonly WireStep[] }
  | { readonly hello: string }

export interface WireStep {
  readonly query?: string
  readonly parse?: { readonly name?: string; readonly text: string }
  readonly bind?: {
    readonly statement?: string
    readonly portal?: string
    readonly values?: readonly string[]
    readonly binary?: boolean
  }
  readonly 'describe-statement'?: string
  readonly 'describe-portal'?: string
  readonly execute?: { readonly portal?: string; readonly rows?: number }
  readonly 'close-statement'?: string
  readonly 'close-portal'?: string
  readonly sync?: true
  readonly flush?: true
  readonly 'copy-data'?: string
  readonly 'copy-done'?: true
  readonly 'copy-fail'?: string
  readonly 'function-call'?: { readonly name: string; readonly arguments: readonly string[] }
  readonly hex?: string
  readonly wait?: number
}

export type Expectation =
  | 'refused'
  | 'held'
  | 'masked'
  | 'allowed'
  | 'harmless'
  | 'ended'
  | 'any'
  | { readonly error: string }

export interface LoadedCase {
  readonly file: string
  readonly bypass: BypassCase
}

const validator = compileSchema<BypassCase>(schema)

/** One case from the text of its file. Throws an error that says every mistake with its line. */
export function readCase(text: string, file: string): BypassCase {
  const document = parseYamlDocument(text, file, validator)
  if (!document.ok) throw new Error(document.problems.map(formatProblem).join('\n'))
  return document.value
}

/** Every case of the corpus, in order of group and id. Mistakes of all files are said at once. */
export async function loadCorpus(directory: string): Promise<readonly LoadedCase[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  const files = entries
    .filter((entry) => entry.isFile() && entry.name.endsWith('.yaml'))
    .map((entry) => relative(directory, join(entry.parentPath, entry.name)))
    .filter((file) => !file.startsWith('fixture/'))
    .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))
  const cases: LoadedCase[] = []
  const problems: string[] = []
  const seen = new Map<string, string>()
  for (const file of files) {
    try {
      const bypass = readCase(await readFile(join(directory, file), 'utf8'), file)
      const other = seen.get(bypass.id)
      if (other !== undefined) problems.push(`${file}: ${bypass.id} is the id of ${other} too`)
      seen.set(bypass.id, file)
      cases.push({ file, bypass })
    } catch (error) {
      problems.push(error instanceof Error ? error.message : String(error))
    }
  }
  if (problems.length > 0) throw new Error(problems.join('\n'))
  return cases
}
