import { serverFileFunctions, sqlRunningFunctions } from './builtin-functions.ts'
import { sourceOfReference } from './column-scope.ts'
import type { Scope } from './column-scope.ts'
import type { FactCollector } from './fact-collector.ts'
import { namesOf } from './names.ts'
import { asList } from './options.ts'
import type { Message } from './options.ts'

/** Notes what a node may make the target call without naming a function: by its operators, by attributes, or by newer syntax. */
export function noteImplicitCalls(
  found: FactCollector,
  type: string,
  body: Message,
  scope: Scope | null,
): void {
  const { mentions } = found
  switch (type) {
    case 'A_Expr':
      for (const name of betweenOperators(body)) mentions.operators.add(name)
      return
    case 'CaseExpr':
      if (body['arg'] !== undefined) mentions.operators.add('=')
      return
    case 'JoinExpr':
      if (body['isNatural'] === true || body['usingClause'] !== undefined) {
        mentions.operators.add('=')
      }
      return
    case 'SubLink':
      // x IN (SELECT …) names no operator.
      if (body['testexpr'] !== undefined) mentions.operators.add('=')
      return
    case 'ColumnRef':
      return noteReference(found, asList(body['fields']), scope)
    case 'A_Indirection':
      for (const field of asList(body['indirection'])) noteAttribute(found, namesOf([field])?.[0])
      return
    case 'FuncCall':
      // JSON_OBJECT(…) with commas is written as the server's own; before 16 it was any function of that name.
      if (namesOf(body['funcname'])?.at(-1) === 'json_object')
        mentions.syntax.set('json_object', 16)
      return
    case 'JsonFuncExpr':
      mentions.syntax.set(jsonFunctions.get(String(body['op'])) ?? 'json_exists', 17)
      return
    default: {
      const syntax = calledBefore.get(type)
      if (syntax !== undefined) mentions.syntax.set(...syntax)
    }
  }
}

/** BETWEEN has a name of its own in the tree, and two operators at the server. */
function betweenOperators(body: Message): readonly string[] {
  const kind = String(body['kind'])
  return kind.includes('BETWEEN') ? ['>=', '<=', '<', '>'] : []
}

/** `a.b`, `a.b.c`: the last name is a column, or a function of what stands before it. */
function noteReference(
  found: FactCollector,
  fields: readonly unknown[],
  scope: Scope | null,
): void {
  const names = namesOf(fields)
  const name = names?.at(-1)
  if (names === null || name === undefined || names.length < 2) return
  const source = sourceOfReference(names.slice(0, -1), scope)
  if (source === null || !source.isRow) {
    // A function in FROM may answer a plain value.
    if (isOfServer.test(name) || namesServersOwn(name)) found.call([name])
    found.mentions.attributes.push({ name, of: 'value', relations: [] })
  } else {
    const { relations } = source
    found.mentions.attributes.push({ name, of: 'row', relations })
  }
}

/** `(x).f`: names that only the server's own functions have are taken for those. */
function noteAttribute(found: FactCollector, name: string | undefined): void {
  if (name === undefined) return
  if (isOfServer.test(name) || isOfServerBesideExpression.test(name) || namesServersOwn(name)) {
    found.call([name])
  }
  found.mentions.attributes.push({ name, of: 'value', relations: [] })
}

const isOfServer =
  /^((pg|lo|txid|dblink|binary_upgrade)_.*|nextval|setseed|ts_stat|brin_summarize_new_values|gin_clean_pending_list)$/

// Of columns of the answers of functions these would be usual names.
const isOfServerBesideExpression = /^(query|table|schema|database)_/

function namesServersOwn(name: string): boolean {
  return serverFileFunctions.has(name) || sqlRunningFunctions.has(name)
}

const jsonFunctions: ReadonlyMap<string, string> = new Map([
  ['JSON_EXISTS_OP', 'json_exists'],
  ['JSON_QUERY_OP', 'json_query'],
  ['JSON_VALUE_OP', 'json_value'],
])

/** Nodes of this grammar that were calls in older ones, by name, and since which major version they are not. */
const calledBefore: ReadonlyMap<string, readonly [name: string, since: number]> = new Map([
  ['JsonObjectConstructor', ['json_object', 16]],
  ['JsonArrayConstructor', ['json_array', 16]],
  ['JsonArrayQueryConstructor', ['json_array', 16]],
  ['JsonObjectAgg', ['json_objectagg', 16]],
  ['JsonArrayAgg', ['json_arrayagg', 16]],
  ['JsonParseExpr', ['json', 17]],
  ['JsonTable', ['json_table', 17]],
  ['JsonScalarExpr', ['json_scalar', 17]],
  ['JsonSerializeExpr', ['json_serialize', 17]],
  ['MergeSupportFunc', ['merge_action', 17]],
])
