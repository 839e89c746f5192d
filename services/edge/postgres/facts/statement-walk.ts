import type { Facts } from '../../guard/facts.ts'
import { columnsOfReference, sourcesOf, sourcesOfWrite } from './column-scope.ts'
import type { Scope } from './column-scope.ts'
import { noteDefinition } from './definitions.ts'
import { FactCollector } from './fact-collector.ts'
import { noteImplicitCalls } from './implicit-calls.ts'
import type { Mentions, TargetCode } from './mentions.ts'
import { NamedStatements } from './named-statements.ts'
import type { NameChange, SessionNames } from './named-statements.ts'
import { namesOf } from './names.ts'
import { asList } from './options.ts'
import type { Message } from './options.ts'
import { noteFunction, noteOption, notePlanted, noteSample } from './planted-functions.ts'
import { rowBound } from './row-bound.ts'
import { looksAtTarget, noteRowWrite } from './row-writes.ts'
import { noteSet, noteSetConfig } from './setting-statements.ts'
import { passiveNodes, transactionKinds } from './statement-kinds.ts'
import { changesUnnamed, noteKind, noteParticulars } from './statement-particulars.ts'
import { arbiterColumns, writtenColumns } from './written-columns.ts'

/** Whether a relation that is met counts as read or as written. */
type Access = 'read' | 'write'

/**
 * Walks every key of every node of parse trees. The tree is protobuf's JSON: a node of a varying type is an object with one
 * key, its type, in capitals; a field of a fixed type (such as `relation`, or the arms of a UNION) is the bare message. So a
 * message is known by what it holds, not by what it is called, and nothing is passed over because its place was not foreseen.
 */
export class StatementWalk {
  readonly names: NamedStatements
  readonly #code: TargetCode | null | undefined
  #found: FactCollector
  /** Settings in the definition of a function hold only while it runs. */
  #isInFunction = false

  /** `code` is that of the target's users: null where it cannot be known now, missing where it is not asked about. */
  constructor(session: SessionNames = {}, code?: TargetCode | null) {
    this.names = new NamedStatements(session)
    this.#code = code
    this.#found = new FactCollector(code)
  }

  statement(tree: unknown): void {
    this.#visit(tree, 'read', null)
  }

  /** Whether a literal decided about a fact. */
  get looksAtLiterals(): boolean {
    return this.#found.looksAtLiterals
  }

  get mentions(): Mentions {
    return this.#found.mentions
  }

  facts(statements: readonly unknown[]): Facts {
    if (statements.length > 1) this.#found.flag('multi_statement')
    return this.#found.facts(rowBound(statements))
  }

  #visit(value: unknown, access: Access, scope: Scope | null): void {
    if (typeof value !== 'object' || value === null) return
    if (Array.isArray(value)) {
      for (const item of value as unknown[]) this.#visit(item, access, scope)
      return
    }
    const message = value as Message
    for (const key in message) {
      const first = key.charCodeAt(0)
      // A capital: the only key of a node.
      if (first >= 65 && first <= 90) this.#node(key, message[key] as Message, access, scope)
      else this.#message(message, access, scope)
      return
    }
  }

  #node(type: string, body: Message, access: Access, scope: Scope | null): void {
    noteImplicitCalls(this.#found, type, body, scope)
    switch (type) {
      case 'SelectStmt':
        this.#found.kind('select')
        return this.#message(body, 'read', scope)
      case 'InsertStmt':
      case 'UpdateStmt':
      case 'DeleteStmt':
      case 'MergeStmt':
        return this.#write(type, body, scope)
      case 'CopyStmt':
        return this.#copy(body, scope)
      case 'ColumnRef':
        return this.#column(body, scope)
      case 'JoinExpr':
        this.#join(body, scope)
        break
      case 'RangeSubselect':
        // Only LATERAL sees the other items of its FROM clause.
        if (body['lateral'] !== true && scope?.sources != null) {
          return this.#message(body, access, scope.parent)
        }
        break
      case 'CurrentOfExpr':
        this.names.find('portal', String(body['cursor_name']))
        break
      case 'CreateOpClassItem':
        // 2: a support function; operators and storage types are the others.
        if (body['itemtype'] === 2) this.#planted(body['name'])
        break
      case 'DefElem':
        noteOption(this.#found, body)
        break
      case 'FuncCall':
        return this.#call(body, scope)
      case 'TransactionStmt':
        return noteKind(this.#found, 'transaction', transactionKinds.get(String(body['kind'])))
      case 'VariableSetStmt':
        return this.#set(body)
      case 'PrepareStmt':
        return this.#named('statement', body, scope)
      case 'ExecuteStmt':
        return this.#execute(body, scope)
      case 'DeclareCursorStmt':
        return this.#named('portal', body, scope)
      case 'FetchStmt':
        return this.#fetch(body)
      case 'CreateFunctionStmt':
      case 'AlterFunctionStmt':
        return this.#defineFunction(type, body)
      default:
        break
    }
    if (passiveNodes.has(type)) return this.#message(body, access, scope)
    const { writeCount } = this.#found
    noteKind(this.#found, type)
    noteParticulars(this.#found, this.names, type, body)
    noteDefinition(this.#found.mentions, type, body)
    this.#message(body, 'write', scope)
    if (this.#found.writeCount === writeCount && changesUnnamed(type)) this.#found.writeAll(null)
  }

  #message(body: Message, access: Access, outer: Scope | null): void {
    const scope = this.#from(body, this.#with(body['withClause'], outer))
    if (typeof body['relname'] === 'string') this.#relation(body, access, scope)
    if (typeof body['typemod'] === 'number') this.#type(body)
    for (const key in body) {
      const value = body[key]
      switch (key) {
        case 'withClause':
          break
        case 'fromClause':
          this.#visit(value, access, scope && { ...scope, isInFrom: true })
          break
        case 'sortClause':
          this.#sort(asList(value), asList(body['targetList']), scope)
          break
        case 'into':
        case 'intoClause':
          if (key === 'intoClause') this.#found.flag('select_into')
          this.#found.kind('create')
          this.#visit(value, 'write', scope)
          break
        case 'lockingClause':
          // The names in it are those of the FROM clause, which counts them.
          this.#found.flag('row_lock')
          this.#found.kind('lock')
          break
        case 'funcname':
          this.#found.call(namesOf(value) ?? [])
          break
        case 'func':
        case 'fromsql':
        case 'tosql':
          this.#planted(value)
          break
        case 'func_name':
          notePlanted(this.#found, value)
          break
        case 'method':
          noteSample(this.#found, namesOf(value))
          break
        case 'name':
        case 'operName':
        case 'useOp': {
          const name = namesOf(value)
          if (name === null) this.#visit(value, access, scope)
          else this.#found.operator(name)
          break
        }
        case 'setstmt':
          this.#set(value as Message)
          break
        default:
          this.#visit(value, access, scope)
      }
    }
  }

  /** Opens the scope of a WITH clause. A name is known to the parts after it, with RECURSIVE to all of them. */
  #with(clause: unknown, outer: Scope | null): Scope | null {
    if (typeof clause !== 'object' || clause === null) return outer
    const { ctes, recursive } = clause as Message
    const scope: Scope = { names: new Set(), sources: null, isInFrom: false, parent: outer }
    const tables = asList(ctes).map((cte) => (cte as Record<string, Message>)['CommonTableExpr'])
    if (recursive === true) for (const table of tables) scope.names.add(String(table?.['ctename']))
    for (const table of tables) {
      const query = table?.['ctequery'] as Message | undefined
      if (query !== undefined && !('SelectStmt' in query)) this.#found.flag('cte_write')
      this.#message(table ?? {}, 'read', scope)
      scope.names.add(String(table?.['ctename']))
    }
    return scope
  }

  /** Opens the scope of a FROM clause, whose items columns belong to. A SELECT has one even where it names nothing. */
  #from(body: Message, outer: Scope | null): Scope | null {
    const isSelect = body['fromClause'] !== undefined || body['limitOption'] !== undefined
    if (!isSelect) return outer
    const items = asList(body['fromClause'])
    return { names: new Set(), sources: sourcesOf(items, outer), isInFrom: false, parent: outer }
  }

  #column(body: Message, scope: Scope | null): void {
    for (const column of columnsOfReference(asList(body['fields']), scope)) {
      if (column === null) this.#found.readAnyColumn()
      else this.#found.readColumn(column.relation, column.column)
    }
  }

  /** USING compares columns of both sides, NATURAL those that happen to have the same name. */
  #join(body: Message, scope: Scope | null): void {
    const fields =
      body['isNatural'] === true
        ? [[{ A_Star: {} }]]
        : asList(body['usingClause']).map((name) => [name])
    for (const field of fields) this.#column({ fields: field }, scope)
  }

  /** ORDER BY looks among the names of the answer first. */
  #sort(items: readonly unknown[], targets: readonly unknown[], scope: Scope | null): void {
    const names = new Set(
      targets.map((target) => (target as Record<string, Message>)['ResTarget']?.['name']),
    )
    for (const item of items) {
      const by = (item as Record<string, Message>)['SortBy']
      const reference = (by?.['node'] as Record<string, Message> | undefined)?.['ColumnRef']
      const [name, ...more] = namesOf(reference?.['fields']) ?? []
      const isOfAnswer = name !== undefined && more.length === 0 && names.has(name)
      if (isOfAnswer) this.#message({ ...by, node: null }, 'read', scope)
      else this.#visit(item, 'read', scope)
    }
  }

  #relation(
    range: Message,
    access: Access,
    scope: Scope | null,
    columns: readonly string[] | null = null,
  ): void {
    const name = String(range['relname'])
    const schema = range['schemaname']
    const parts = typeof schema === 'string' ? [schema, name] : [name]
    if (access === 'write') return this.#found.write(parts, columns)
    if (parts.length === 1) {
      for (let here = scope; here !== null; here = here.parent) if (here.names.has(name)) return
    }
    this.#found.read(parts)
  }

  #write(type: string, body: Message, outer: Scope | null): void {
    noteKind(this.#found, type)
    noteRowWrite(this.#found, type, body)
    const { relation, selectStmt, ...rest } = body
    this.#relation(relation as Message, 'write', null, writtenColumns(type, body))
    if (looksAtTarget(type, body)) this.#relation(relation as Message, 'read', null)
    const scope = this.#with(body['withClause'], outer)
    const { withClause: _, fromClause, usingClause, sourceRelation, ...parts } = rest
    const items = [...asList(fromClause), ...asList(usingClause), sourceRelation].filter(Boolean)
    const sources = sourcesOfWrite(relation as Message, items, scope)
    const inside: Scope = { names: new Set(), sources, isInFrom: false, parent: scope }
    for (const item of items) this.#visit(item, 'read', { ...inside, isInFrom: true })
    this.#message(parts, 'read', inside)
    for (const name of arbiterColumns(body['onConflictClause'] as Message | undefined)) {
      this.#column({ fields: [{ String: { sval: name } }] }, inside)
    }
    const select = (selectStmt as Record<string, Message> | undefined)?.['SelectStmt']
    // INSERT … VALUES is no SELECT, though the grammar makes one of it.
    if (select?.['valuesLists'] !== undefined) this.#message(select, 'read', scope)
    else this.#visit(selectStmt, 'read', scope)
  }

  #copy(body: Message, scope: Scope | null): void {
    const isFrom = body['is_from'] === true
    this.#found.kind(isFrom ? 'copy_from' : 'copy_to')
    if (body['is_program'] === true) this.#found.flag('copy_program')
    else if (body['filename'] !== undefined) this.#found.flag('server_file')
    const { relation, attlist, ...rest } = body
    const columns = namesOf(attlist)
    if (relation !== undefined) {
      this.#relation(relation as Message, isFrom ? 'write' : 'read', null, columns)
      if (!isFrom) this.#copied(relation as Message, columns)
    }
    this.#message(rest, 'read', scope)
  }

  #copied(relation: Message, columns: readonly string[] | null): void {
    const schema = relation['schemaname']
    const name = String(relation['relname'])
    const parts = typeof schema === 'string' ? [schema, name] : [name]
    for (const column of columns ?? [null]) this.#found.readColumn(parts, column)
  }

  #call(body: Message, scope: Scope | null): void {
    const name = namesOf(body['funcname'])
    const { funcname: _, ...rest } = body
    if (name === null) this.#found.unknown('a function without a name')
    else if (name.at(-1) === 'set_config') noteSetConfig(this.#found, name, asList(body['args']))
    else if (isRewriteByTerms(name, body)) this.#found.call(name, true)
    else this.#found.call(name)
    this.#message(rest, 'read', scope)
  }

  #set(body: Message): void {
    if (!this.#isInFunction) noteSet(this.#found, body)
  }

  /**
   * PREPARE and DECLARE. The facts of their statement are kept apart, for EXECUTE and FETCH, and are theirs too: what may not run
   * is not prepared, and what may not be fetched is not declared.
   */
  #named(of: NameChange['of'], body: Message, scope: Scope | null): void {
    const whole = this.#found
    this.#found = new FactCollector(this.#code)
    this.#message(body, 'read', scope)
    const inner = this.#found
    const facts = { ...inner.facts(), mentions: inner.mentions }
    this.#found = whole
    whole.kind(of === 'statement' ? 'prepare' : 'declare')
    whole.add(facts)
    whole.looksAtLiterals ||= inner.looksAtLiterals
    this.names.declare(of, String(body[of === 'statement' ? 'name' : 'portalname']), facts)
  }

  #fetch(body: Message): void {
    const name = String(body['portalname'])
    const facts = this.names.find('portal', name)
    this.#found.kind('fetch')
    // It may be one that a function opened, or a portal of the protocol.
    if (facts === null) this.#found.unknown(`what the cursor ${name} shows`)
    else this.#found.add(facts)
  }

  #execute(body: Message, scope: Scope | null): void {
    const name = String(body['name'])
    const facts = this.names.find('statement', name)
    this.#found.kind('execute')
    if (facts === null) this.#found.unknown(`what the prepared statement ${name} runs`)
    else this.#found.add(facts)
    this.#message(body, 'read', scope)
  }

  #defineFunction(type: string, body: Message): void {
    const { funcname: _, ...rest } = body
    noteFunction(this.#found, type, body)
    noteDefinition(this.#found.mentions, type, body)
    this.#isInFunction = true
    this.#message(rest, 'read', null)
    this.#isInFunction = false
  }

  #type(typeName: Message): void {
    const name = namesOf(typeName['names'])
    if (name !== null) this.#found.mentions.types.push(name)
  }

  #planted(object: unknown): void {
    notePlanted(this.#found, (object as Message | null)?.['objname'])
  }
}

/** `ts_rewrite(query, target, substitute)`. The other one, with two arguments, runs the SQL that its second is. */
function isRewriteByTerms(name: readonly string[], body: Message): boolean {
  const isTheServers = name.length === 1 || (name.length === 2 && name[0] === 'pg_catalog')
  return isTheServers && name.at(-1) === 'ts_rewrite' && asList(body['args']).length === 3
}
