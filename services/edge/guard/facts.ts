/**
 * What one message of a protocol would do, as far as it can be known without asking the target. A message may hold several
 * statements: the facts are those of all of them, since they run or fail as one.
 */
export interface Facts {
  /** In order of appearance: the first is what the message begins with. Values of `statementKinds`. */
  readonly kinds: readonly string[]
  /** Relations whose rows are looked at: `schema.name` where qualified, else the bare name. */
  readonly reads: readonly string[]
  /** Relations whose rows or definition change. */
  readonly writes: readonly string[]
  /**
   * Every column whose value may be looked at, as `relation.column`; `relation.*` stands for all of a relation, `*` for any at
   * all. An upper bound: a bare name that could be a column of several relations counts as one of each.
   */
  readonly columnsRead: readonly string[]
  /** Every column that may change, in the same form. What removes rows or defines a relation changes all of it. */
  readonly columnsWritten: readonly string[]
  /** How many rows are answered or changed at most, where the text itself says so; null where it does not. */
  readonly rows: number | null
  /**
   * Every function that is called, as the target's parser resolves the name: qualified where it was qualified, or where users have
   * defined one that the target may take without a call that names it. `*` where it may be any, since they cannot be known now.
   */
  readonly functions: readonly string[]
  /** Those of `functions` that are not known to be free of effects: only a rule that names them allows them. */
  readonly unlistedFunctions: readonly string[]
  readonly flags: readonly FactFlag[]
  /** What could not be determined, in words. Facts with an unknown part never satisfy an allow. */
  readonly unknown: readonly string[]
}

export const factFlags = [
  /** More than one statement in one message. */
  'multi_statement',
  /** An UPDATE or DELETE of every row. */
  'no_where',
  /** A write inside a WITH clause. */
  'cte_write',
  /** EXPLAIN that runs its statement. */
  'explain_analyze',
  /** SELECT … INTO. */
  'select_into',
  /** SELECT … FOR UPDATE and its kin. */
  'row_lock',
  /** Runs a program on the target's host. */
  'copy_program',
  /** Reads or writes files of the target's host. */
  'server_file',
  /** Loads code into the target, or changes how it runs for everybody. */
  'server_code',
  /** Changes a setting that decides how the target reads the text of statements. */
  'lexer_setting',
  /** Changes which schema a bare name means. */
  'search_path',
  /** Becomes another role, or switches triggers and checks off. */
  'role_change',
] as const

export type FactFlag = (typeof factFlags)[number]

/** Facts of a message that does nothing. */
export const noFacts: Facts = {
  kinds: [],
  reads: [],
  writes: [],
  columnsRead: [],
  columnsWritten: [],
  rows: null,
  functions: [],
  unlistedFunctions: [],
  flags: [],
  unknown: [],
}

/** What a policy may name under `statements`: a class, or one of the kinds in it. */
export const statementClasses = {
  read: ['select', 'copy_to', 'explain', 'show', 'declare', 'fetch', 'close'],
  write: ['insert', 'update', 'delete', 'merge', 'copy_from', 'lock'],
  transaction: [
    'begin',
    'commit',
    'rollback',
    'savepoint',
    'release',
    'set_transaction',
    'set_constraints',
  ],
  session: ['set', 'reset', 'prepare', 'execute', 'deallocate', 'discard', 'unlisten'],
  ddl: [
    'create',
    'create_function',
    'create_trigger',
    'create_rule',
    'create_extension',
    'alter',
    'drop',
    'truncate',
    'comment',
    'refresh',
  ],
  maintenance: ['vacuum', 'analyze', 'reindex', 'cluster', 'checkpoint'],
  access: ['grant', 'revoke', 'create_role', 'alter_role', 'drop_role', 'reassign'],
  messaging: ['listen', 'notify'],
  two_phase: ['prepare_transaction', 'commit_prepared', 'rollback_prepared'],
  code: ['call', 'do', 'load', 'alter_system', 'function_call'],
  other: ['other'],
} as const

export type StatementClass = keyof typeof statementClasses
export type StatementKind = (typeof statementClasses)[StatementClass][number]

export const statementKinds: readonly StatementKind[] = Object.values(statementClasses).flat()
