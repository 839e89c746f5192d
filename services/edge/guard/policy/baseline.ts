import type { FactFlag, Facts } from '../facts.ts'

export interface BaselineRule {
  readonly id: string
  readonly reason: string
}

/** What no policy can allow, since it would take away the ground on which every other rule stands. */
const baseline: ReadonlyMap<FactFlag, BaselineRule> = new Map<FactFlag, BaselineRule>([
  [
    'lexer_setting',
    {
      id: 'builtin/lexer-settings',
      reason:
        'settings that change how the target reads statements (standard_conforming_strings, backslash_quote, client_encoding) stay as they are',
    },
  ],
  [
    'search_path',
    {
      id: 'builtin/search-path',
      reason: 'search_path stays as it is during a session; write schema.name instead',
    },
  ],
  [
    'role_change',
    {
      id: 'builtin/role-change',
      reason: 'a session keeps the role it began with',
    },
  ],
  [
    'copy_program',
    { id: 'builtin/copy-program', reason: "programs on the target's host are not run" },
  ],
  [
    'server_file',
    {
      id: 'builtin/server-files',
      reason:
        "files of the target's host are not read or written; use COPY … TO STDOUT or FROM STDIN",
    },
  ],
  [
    'server_code',
    {
      id: 'builtin/server-code',
      reason: 'code is not loaded into the target, and its system settings stay as they are',
    },
  ],
])

export const unparseableRule = 'builtin/unparseable'
export const emptyRule = 'builtin/empty'
export const defaultRule = 'default'

/** Ids that a policy cannot use. */
export function isReservedRuleId(id: string): boolean {
  return id === defaultRule || id.startsWith('builtin')
}

export function baselineBlocks(facts: Facts): readonly BaselineRule[] {
  if (facts.flags.length === 0 && facts.unknown.length === 0) return none
  const blocks = facts.flags.map((flag) => baseline.get(flag)).filter((rule) => rule !== undefined)
  if (facts.unknown.length === 0) return blocks
  const reason = `what this would do cannot be known: ${facts.unknown.join('; ')}`
  return [...blocks, { id: 'builtin/unknown', reason }]
}

const none: readonly BaselineRule[] = []
