import type { Facts } from '../guard/facts.ts'
import { isEffectOfServer } from './facts/builtin-functions.ts'
import type { Grammar } from './facts/grammar.ts'
import type { Mentions, NamedFacts, Reached, TargetCode } from './facts/mentions.ts'
import type { NameChange, SessionNames } from './facts/named-statements.ts'
import { StatementWalk } from './facts/statement-walk.ts'

export type FactsResult =
  | {
      readonly ok: true
      readonly facts: Facts
      /** Zero for a text of blanks and comments. */
      readonly statements: number
      readonly names: readonly NameChange[]
      /** What PREPARE statements of this text would run, by name: for a later EXECUTE. */
      readonly prepared: ReadonlyMap<string, NamedFacts>
      /** What DECLARE statements of this text would show, by cursor: for a later FETCH. */
      readonly cursors: ReadonlyMap<string, NamedFacts>
      /** What of it the target may take for calls of its own code. */
      readonly mentions: Mentions
      /** True when it runs code that may change settings unseen: wait for its end before more text is sent. */
      readonly settles: boolean
      /** True when it may call code of the target's users: what it answers may be anything. */
      readonly callsCodeOfUsers: boolean
      /** What it comes to by what belongs to relations and definitions. */
      readonly reached: Reached
      /** True when what it does depends on a name that an earlier message gave (EXECUTE, FETCH, WHERE CURRENT OF). */
      readonly runsByName: boolean
      /**
       * True when every text that differs from this one in its literals only has the same facts. False where a literal says
       * what is done (a setting's name, an option), and where a name stands for another statement (EXECUTE, FETCH).
       */
      readonly cacheable: boolean
    }
  | {
      readonly ok: false
      readonly kind: 'syntax_error'
      readonly message: string
      readonly position: number | null
    }
  | { readonly ok: false; readonly kind: 'refused'; readonly message: string }

export interface FactsOptions extends SessionNames {
  /** Longer texts are refused: parsing blocks the process. Default 256 KiB. */
  readonly maxCharacters?: number
  /** The code of users at the target; null where it cannot be known now. Missing: PostgreSQL's grammar alone says what is called. */
  readonly code?: TargetCode | null
  /** Oids of the types other than the server's own that the client declares for parameters. */
  readonly parameterTypes?: readonly number[]
}

/** What a message of SQL would do, by PostgreSQL's grammar and what is known of the target's code. Never throws. */
export function factsOf(grammar: Grammar, sql: string, options: FactsOptions = {}): FactsResult {
  const { maxCharacters = 262_144 } = options
  if (sql.length > maxCharacters) {
    return refused(`the statement is longer than ${maxCharacters} characters`)
  }
  // The parser stops at a NUL, the target may not.
  if (sql.includes('\0')) return refused('the statement contains a NUL')
  if (!sql.isWellFormed()) return refused('the statement is not valid Unicode')
  const parsed = grammar.parse(sql)
  if (!parsed.ok) return parsed
  try {
    const walk = new StatementWalk(options, options.code)
    walk.mentions.parameterTypes.push(...(options.parameterTypes ?? []))
    for (const statement of parsed.statements) walk.statement(statement)
    const facts = walk.facts(parsed.statements)
    const { unlistedFunctions } = facts
    const reached = reachedBy(options.code, facts)
    // Where the users' own functions are known, a bare name of the server's is the server's.
    const isOwn = (name: string): boolean => options.code !== undefined && isEffectOfServer(name)
    return {
      ok: true,
      facts,
      statements: parsed.statements.length,
      names: walk.names.changes,
      prepared: walk.names.prepared,
      cursors: walk.names.cursors,
      mentions: walk.mentions,
      settles: reached.isCode || unlistedFunctions.length > 0 || facts.unknown.length > 0,
      reached,
      callsCodeOfUsers: facts.unknown.length > 0 || !unlistedFunctions.every(isOwn),
      runsByName: walk.names.refersToOthers,
      cacheable: !walk.looksAtLiterals && !facts.kinds.some((kind) => standingForOthers.has(kind)),
    }
  } catch (error) {
    // The engine's stack ended before the tree did.
    if (error instanceof RangeError) return refused('the statement is nested too deeply')
    throw error
  }
}

function reachedBy(code: TargetCode | null | undefined, facts: Facts): Reached {
  const reached = codeReachedBy(code, facts)
  // What others notify of may be anything.
  return facts.kinds.includes('listen') ? { ...reached, isCode: true } : reached
}

function codeReachedBy(code: TargetCode | null | undefined, facts: Facts): Reached {
  if (code != null) return code.reachedBy(facts)
  // What is not asked about is none; what cannot be known may be any.
  const isCode = code === null && facts.reads.length + facts.writes.length > 0
  return { relations: [], isCode }
}

const standingForOthers: ReadonlySet<string> = new Set(['execute', 'fetch'])

function refused(message: string): FactsResult {
  return { ok: false, kind: 'refused', message }
}
