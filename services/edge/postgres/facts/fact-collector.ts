import type { FactFlag, Facts, StatementKind } from '../../guard/facts.ts'
import { builtinFunctions, serverFileFunctions, sqlRunningFunctions } from './builtin-functions.ts'
import { catalogRelations } from './catalog-relations.ts'
import { Mentions } from './mentions.ts'
import type { NamedFacts, TargetCode } from './mentions.ts'
import { qualifiedName } from './names.ts'

/** Gathers the facts of one message: sets in the order in which things were found. */
export class FactCollector {
  /** Whether a literal decided about a fact. */
  looksAtLiterals = false
  readonly mentions = new Mentions()
  readonly #code: TargetCode | null | undefined
  readonly #kinds = new Set<string>()
  readonly #reads = new Set<string>()
  readonly #writes = new Set<string>()
  readonly #columnsRead = new Set<string>()
  readonly #columnsWritten = new Set<string>()
  readonly #functions = new Set<string>()
  readonly #unlisted = new Set<string>()
  readonly #flags = new Set<FactFlag>()
  readonly #unknown = new Set<string>()

  /** `code` is that of the target's users: null where it cannot be known now, missing where it is not asked about. */
  constructor(code?: TargetCode | null) {
    this.#code = code
  }

  kind(kind: StatementKind): void {
    this.#kinds.add(kind)
  }

  flag(flag: FactFlag): void {
    this.#flags.add(flag)
  }

  unknown(what: string): void {
    this.#unknown.add(what)
  }

  read(parts: readonly string[]): void {
    this.#reads.add(relationName(parts))
  }

  /** `columns` are those that change; null for all of the relation. */
  write(parts: readonly string[], columns: readonly string[] | null = null): void {
    const name = relationName(parts)
    this.#writes.add(name)
    if (columns === null) this.#columnsWritten.add(`${name}.*`)
    else for (const column of columns) this.#columnsWritten.add(columnName(name, column))
    // An UPDATE of this view is a SET of the setting its row is about.
    if (name === 'pg_catalog.pg_settings') this.#flags.add('lexer_setting')
  }

  /** Everything in a schema, as `schema.*`; or, where nothing says what, anything at all, as `*`. */
  writeAll(schema: string | null): void {
    this.#writes.add(schema === null ? '*' : `${qualifiedName([schema])}.*`)
    this.#columnsWritten.add('*')
  }

  /** A column of a relation, null for all of them. */
  readColumn(relation: readonly string[], column: string | null): void {
    const name = relationName(relation)
    this.#columnsRead.add(column === null ? `${name}.*` : columnName(name, column))
  }

  /** Some column of something that is not known here. */
  readAnyColumn(): void {
    this.#columnsRead.add('*')
  }

  get writeCount(): number {
    return this.#writes.size
  }

  /** A function that is called; `isListed` where the caller knows this call to be free of effects. */
  call(parts: readonly string[], isListed?: boolean): void {
    const name = qualifiedName(parts)
    const bare = parts.at(-1) ?? ''
    this.#functions.add(name)
    if (parts.length === 1) this.mentions.functions.add(bare)
    if (sqlRunningFunctions.has(bare) && isListed !== true) {
      this.#unknown.add(`the SQL that ${name} runs`)
    }
    if (serverFileFunctions.has(bare)) this.#flags.add('server_file')
    const isCatalog = parts.length === 1 || (parts.length === 2 && parts[0] === 'pg_catalog')
    if (!(isListed ?? (isCatalog && builtinFunctions.has(bare)))) this.#unlisted.add(name)
  }

  /** An operator runs a function; one that is not PostgreSQL's own may do anything. */
  operator(parts: readonly string[]): void {
    if (parts.length === 1) this.mentions.operators.add(parts[0] ?? '')
    else if (parts[0] !== 'pg_catalog') this.call(parts, false)
  }

  add(facts: NamedFacts): void {
    if (facts.mentions !== undefined) this.mentions.add(facts.mentions)
    for (const kind of facts.kinds) this.#kinds.add(kind)
    for (const name of facts.reads) this.#reads.add(name)
    for (const name of facts.writes) this.#writes.add(name)
    for (const name of facts.columnsRead) this.#columnsRead.add(name)
    for (const name of facts.columnsWritten) this.#columnsWritten.add(name)
    for (const name of facts.functions) this.#functions.add(name)
    for (const name of facts.unlistedFunctions) this.#unlisted.add(name)
    for (const flag of facts.flags) this.#flags.add(flag)
    for (const what of facts.unknown) this.#unknown.add(what)
  }

  /** `rows` is known where the whole text is. */
  facts(rows: number | null = null): Facts {
    this.#addImplicitCalls()
    return {
      kinds: [...this.#kinds],
      reads: [...this.#reads],
      writes: [...this.#writes],
      columnsRead: [...this.#columnsRead],
      columnsWritten: [...this.#columnsWritten],
      rows,
      functions: [...this.#functions],
      unlistedFunctions: [...this.#unlisted],
      flags: [...this.#flags],
      unknown: [...this.#unknown],
    }
  }

  /** With the code of users that may run where no call names it. */
  #addImplicitCalls(): void {
    const code = this.#code
    if (code === undefined) return
    const isWriting = this.#writes.size > 0
    const relations = new Set([...this.#reads, ...this.#writes])
    const context = { relations, isWriting, unlisted: this.#unlisted }
    // Any function at all; only a rule for all of them covers it.
    const unknown = isWriting || !this.mentions.isEmpty ? ['*'] : []
    const calls = code === null ? unknown : code.calledBy(this.mentions, context)
    for (const name of calls) {
      this.#functions.add(name)
      this.#unlisted.add(name)
    }
  }
}

function relationName(parts: readonly string[]): string {
  // A third part in front is the database, which can only be the session's own.
  const name = parts.length > 2 ? parts.slice(-2) : parts
  const bare = name[0] ?? ''
  if (name.length === 1 && catalogRelations.has(bare)) return `pg_catalog.${bare}`
  return qualifiedName(name)
}

function columnName(relation: string, column: string): string {
  return `${relation}.${qualifiedName([column])}`
}
