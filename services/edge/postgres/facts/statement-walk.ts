// Over 400 lines: one walk over every kind of node, whose parts share what it has seen; what a node means stands in the files beside it.

import type { Facts } from '../../guard/facts.ts'
import { columnsOfReference, sourcesOf, sourcesOfWrite } from './column-scope.ts'
import type { Scope } from './column-scope.ts'
import { FactCollector } from './fact-collector.ts'
import { relationOfObject } from './named-objects.ts'
import { literalOf, namesOf } from './names.ts'
import { asList, hasOption, optionText } from './options.ts'
import { rowBound } from './row-bound.ts'
import { arbiterColumns, writtenColumns } from './written-columns.ts'
import type { Message } from './options.ts'
import { flagOfSetting } from './settings.ts'
import { passiveNodes, plainKinds, transactionKinds } from './statement-kinds.ts'

/** What a statement does to names that SQL shares with the extended protocol. A null name means all of them. */
export interface NameChange {
  readonly of: 'statement' | 'portal'
  readonly name: string | null
}

/** What earlier messages of the session gave a name to; null for a name that they did not. */
export interface SessionNames {
  readonly resolvePrepared?: (name: string) => Facts | null
  readonly resolveCursor?: (name: string) => Facts | null
}

/** Whether a relation that is met counts as read or as written. */
type Access = 'read' | 'write'

/**
 * Walks every key of every node of parse trees. The tree is protobuf's JSON: a node of a varying type is an object with one
 * key, its type, in capitals; a field of a fixed type (such as `relation`, or the arms of a UNION) is the bare message. So a
 * message is known by what it holds, not by what it is called, and nothing is passed over because its place was not foreseen.
 */
export class StatementWalk {
  readonly names: NameChange[] = []
  readonly prepared = new Map<string, Facts>()
  readonly cursors = new Map<string, Facts>()
  /** Whether a literal decided about a fact. */
  looksAtLiterals = false
  readonly #session: SessionNames
  #found = new FactCollector()
  /** Settings in the definition of a function hold only while it runs. */
  #isInFunction = false

  constructor(session: SessionNames = {}) {
    this.#session = session
  }

  statement(tree: unknown): void {
    this.#visit(tree, 'read', null)
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
      case 'A_Indirection':
        this.#attributes(asList(body['indirection']))
        break
      case 'CreateOpClassItem':
        // 2: a support function; operators and storage types are the others.
        if (body['itemtype'] === 2) this.#planted((body['name'] as Message | null)?.['objname'])
        break
      case 'DefElem':
        this.#option(body)
        break
      case 'FuncCall':
        return this.#call(body, scope)
      case 'TransactionStmt':
        return this.#kindOr('transaction', transactionKinds.get(String(body['kind'])))
      case 'VariableSetStmt':
        return this.#set(body)
      case 'PrepareStmt':
        return this.#prepare(body, scope)
      case 'ExecuteStmt':
        return this.#execute(body, scope)
      case 'DeclareCursorStmt':
        return this.#declare(body, scope)
      case 'FetchStmt':
        return this.#fetch(body)
      case 'CreateFunctionStmt':
      case 'AlterFunctionStmt':
        return this.#defineFunction(type, body)
      default:
        break
    }
    if (passiveNodes.has(type)) return this.#message(body, access, scope)
    const kind = plainKinds.get(type)
    const { writeCount } = this.#found
    this.#kindOr(type, kind)
    this.#particulars(type, body)
    this.#message(body, 'write', scope)
    if (this.#found.writeCount > writeCount) return
    // Such as DROP OWNED, ALTER TYPE or VACUUM of everything: a rule for some relations must not cover it.
    if (type === 'VacuumStmt' || (kind !== undefined && changing.has(kind))) {
      this.#found.writeAll(null)
    }
  }

  /** What some statements say beside the relations and statements in them. */
  #particulars(type: string, body: Message): void {
    switch (type) {
      case 'ExplainStmt':
        if (body['options'] !== undefined) this.looksAtLiterals = true
        if (hasOption(body['options'], 'analyze')) this.#found.flag('explain_analyze')
        return
      case 'DoStmt':
        return this.#found.unknown('the code of DO')
      case 'LoadStmt':
      case 'AlterSystemStmt':
        return this.#found.flag('server_code')
      case 'VacuumStmt':
        return this.#found.kind(body['is_vacuumcmd'] === true ? 'vacuum' : 'analyze')
      case 'GrantStmt':
        if (body['targtype'] === 'ACL_TARGET_ALL_IN_SCHEMA') {
          for (const schema of asList(body['objects'])) this.#found.writeAll(literalOf(schema))
        }
        return this.#found.kind(body['is_grant'] === true ? 'grant' : 'revoke')
      case 'GrantRoleStmt':
        return this.#found.kind(body['is_grant'] === true ? 'grant' : 'revoke')
      case 'AlterDefaultPrivilegesStmt':
        return this.#found.kind('grant')
      case 'DropStmt':
        for (const object of asList(body['objects'])) {
          const relation = relationOfObject(String(body['removeType']), object)
          if (relation !== null) this.#found.write(relation)
          else if (body['removeType'] === 'OBJECT_SCHEMA') this.#found.writeAll(literalOf(object))
          else this.#found.writeAll(null)
        }
        return
      case 'CommentStmt':
      case 'SecLabelStmt': {
        const relation = relationOfObject(String(body['objtype']), body['object'])
        if (relation !== null) this.#found.write(relation)
        return
      }
      case 'ClosePortalStmt':
        return this.#rename('portal', body['portalname'])
      case 'DeallocateStmt':
        this.#rename('statement', body['name'])
        return this.#forgetPrepared(body['name'])
      case 'DiscardStmt':
        if (body['target'] !== 'DISCARD_ALL') return
        this.#rename('statement', undefined)
        this.#rename('portal', undefined)
        return this.#forgetPrepared(undefined)
    }
  }

  #message(body: Message, access: Access, outer: Scope | null): void {
    const scope = this.#from(body, this.#with(body['withClause'], outer))
    if (typeof body['relname'] === 'string') this.#relation(body, access, scope)
    for (const key in body) {
      const value = body[key]
      switch (key) {
        case 'withClause':
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
          this.#planted((value as Message | null)?.['objname'])
          break
        case 'func_name':
          this.#planted(value)
          break
        case 'method':
          this.#sample(namesOf(value))
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
    const scope: Scope = { names: new Set(), sources: null, parent: outer }
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
    return { names: new Set(), sources: sourcesOf(items, outer), parent: outer }
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
    this.#kindOr(type, plainKinds.get(type))
    const { relation, selectStmt, ...rest } = body
    this.#relation(relation as Message, 'write', null, writtenColumns(type, body))
    if (looksAtTarget(type, body)) this.#relation(relation as Message, 'read', null)
    if ((type === 'UpdateStmt' || type === 'DeleteStmt') && body['whereClause'] === undefined) {
      this.#found.flag('no_where')
    }
    const onConflict = body['onConflictClause'] as Message | undefined
    if (onConflict?.['action'] === 'ONCONFLICT_UPDATE') this.#found.kind('update')
    for (const when of asList(body['mergeWhenClauses'])) {
      const clause = (when as Record<string, Message>)['MergeWhenClause']
      const kind = mergeKinds.get(String(clause?.['commandType']))
      if (kind !== undefined) this.#found.kind(kind)
    }
    const scope = this.#with(body['withClause'], outer)
    const { withClause: _, fromClause, usingClause, sourceRelation, ...parts } = rest
    const items = [...asList(fromClause), ...asList(usingClause), sourceRelation].filter(Boolean)
    const sources = sourcesOfWrite(relation as Message, items, scope)
    const inside: Scope = { names: new Set(), sources, parent: scope }
    for (const item of items) this.#visit(item, 'read', inside)
    this.#message(parts, 'read', inside)
    for (const name of arbiterColumns(onConflict)) {
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
    else if (name.at(-1) === 'set_config') this.#setConfig(name, asList(body['args']))
    else this.#found.call(name)
    this.#message(rest, 'read', scope)
  }

  #setConfig(name: readonly string[], args: readonly unknown[]): void {
    this.looksAtLiterals = true
    const setting = literalOf(args[0])
    const value = literalOf(args[1])
    this.#found.kind('set')
    this.#found.call(name, setting !== null)
    if (setting === null) return this.#found.flag('lexer_setting')
    const flag = flagOfSetting(setting, value === null ? null : [value])
    if (flag !== null) this.#found.flag(flag)
  }

  #set(body: Message): void {
    if (this.#isInFunction) return
    const kind = String(body['kind'])
    if (kind === 'VAR_SET_MULTI') return this.#found.kind('set_transaction')
    if (kind === 'VAR_RESET' || kind === 'VAR_RESET_ALL') return this.#found.kind('reset')
    this.#found.kind('set')
    if (kind === 'VAR_SET_DEFAULT') return
    this.looksAtLiterals = true
    const values = asList(body['args']).map(literalOf)
    const isSeen = values.every((value) => value !== null)
    const flag = flagOfSetting(String(body['name']), isSeen ? values : null)
    if (flag !== null) this.#found.flag(flag)
  }

  /** The facts of its statement are kept apart, for EXECUTE, and belong to PREPARE too: what may not run is not prepared. */
  #prepare(body: Message, scope: Scope | null): void {
    const name = String(body['name'])
    this.prepared.set(name, this.#namedStatement('prepare', body, scope))
    this.#rename('statement', name)
  }

  /** As with PREPARE: what may not be fetched is not declared, and who fetches does what was declared. */
  #declare(body: Message, scope: Scope | null): void {
    const name = String(body['portalname'])
    this.cursors.set(name, this.#namedStatement('declare', body, scope))
    this.#rename('portal', name)
  }

  #namedStatement(kind: 'prepare' | 'declare', body: Message, scope: Scope | null): Facts {
    const whole = this.#found
    this.#found = new FactCollector()
    this.#message(body, 'read', scope)
    const facts = this.#found.facts()
    this.#found = whole
    this.#found.kind(kind)
    this.#found.add(facts)
    return facts
  }

  #fetch(body: Message): void {
    const name = String(body['portalname'])
    const facts = this.cursors.get(name) ?? this.#session.resolveCursor?.(name) ?? null
    this.#found.kind('fetch')
    // It may be one that a function opened, or a portal of the protocol.
    if (facts === null) this.#found.unknown(`what the cursor ${name} shows`)
    else this.#found.add(facts)
  }

  #execute(body: Message, scope: Scope | null): void {
    const name = String(body['name'])
    const facts = this.prepared.get(name) ?? this.#session.resolvePrepared?.(name) ?? null
    this.#found.kind('execute')
    if (facts === null) this.#found.unknown(`what the prepared statement ${name} runs`)
    else this.#found.add(facts)
    this.#message(body, 'read', scope)
  }

  #defineFunction(type: string, body: Message): void {
    const { funcname: _, ...rest } = body
    this.#found.kind(type === 'CreateFunctionStmt' ? 'create_function' : 'alter')
    this.looksAtLiterals = true
    // Others run code in the server's own process, with all it may do on its host.
    const language = optionText(body['options'], 'language').toLowerCase()
    if (language !== '' && !confinedLanguages.has(language)) this.#found.flag('server_code')
    this.#isInFunction = true
    this.#message(rest, 'read', null)
    this.#isInFunction = false
  }

  #rename(of: NameChange['of'], name: unknown): void {
    this.names.push({ of, name: typeof name === 'string' ? name : null })
  }

  #forgetPrepared(name: unknown): void {
    if (typeof name === 'string') this.prepared.delete(name)
    else this.prepared.clear()
  }

  /** `(x).f` is f(x) where x has no field f: a name that only the server's own functions have is taken for one. */
  #attributes(fields: readonly unknown[]): void {
    for (const field of fields) {
      const [name] = namesOf([field]) ?? []
      if (name !== undefined && /^(pg|lo|txid|dblink|query|table|schema|database)_/.test(name)) {
        this.#found.call([name])
      }
    }
  }

  /** Options of foreign tables that name a file or program of the host, and of definitions that name a function. */
  #option(body: Message): void {
    const name = String(body['defname'])
    if (name === 'program') this.#found.flag('copy_program')
    if (name === 'filename') this.#found.flag('server_file')
    const { TypeName, List } = (body['arg'] ?? {}) as Record<string, Message | undefined>
    if (functionOption.test(name)) this.#planted(TypeName?.['names'] ?? List?.['items'])
  }

  /** A function that a definition makes run later, in statements that do not name it. */
  #planted(list: unknown): void {
    const name = namesOf(list)
    if (name !== null) this.#found.call(name, false)
  }

  /** TABLESAMPLE calls a function; PostgreSQL's own two only choose rows. */
  #sample(method: readonly string[] | null): void {
    if (method === null) return
    this.#found.call(method, method.length === 1 && /^(system|bernoulli)$/.test(method[0] ?? ''))
  }

  #kindOr(type: string, kind: Parameters<FactCollector['kind']>[0] | undefined): void {
    if (kind !== undefined) return this.#found.kind(kind)
    if (laterKinds.has(type)) return
    this.#found.kind('other')
    this.#found.unknown(`the meaning of ${type}`)
  }
}

/** Languages whose code may do no more than its statements. */
const confinedLanguages: ReadonlySet<string> = new Set([
  'sql',
  'plpgsql',
  'plperl',
  'pltcl',
  'plv8',
])

/** Statements whose kind depends on what is in them. */
const laterKinds: ReadonlySet<string> = new Set([
  'VacuumStmt',
  'GrantStmt',
  'GrantRoleStmt',
  'AlterDefaultPrivilegesStmt',
])

/** Of CREATE OPERATOR, AGGREGATE, TYPE and FOREIGN DATA WRAPPER. */
const functionOption =
  /^(function|procedure|restrict|join|input|output|receive|send|typmod_(in|out)|analyze|canonical|subtype_diff|subscript|handler|validator|m?s(inv)?func|m(inv)?func|m?finalfunc|(combine|serial|deserial)func|minvfunc)$/

/** Kinds that change what is there already. */
const changing: ReadonlySet<string> = new Set(['alter', 'drop', 'reassign', 'reindex', 'cluster'])

const mergeKinds = new Map([
  ['CMD_INSERT', 'insert'],
  ['CMD_UPDATE', 'update'],
  ['CMD_DELETE', 'delete'],
] as const satisfies readonly (readonly [string, string])[]) as ReadonlyMap<
  string,
  'insert' | 'update' | 'delete'
>

/** Whether what it answers, or which rows it takes, depends on rows that are there. The server asks for SELECT then, too. */
function looksAtTarget(type: string, body: Message): boolean {
  if (type === 'UpdateStmt' || type === 'MergeStmt') return true
  if (body['returningClause'] !== undefined) return true
  if (type === 'InsertStmt') return body['onConflictClause'] !== undefined
  return body['whereClause'] !== undefined || body['usingClause'] !== undefined
}
