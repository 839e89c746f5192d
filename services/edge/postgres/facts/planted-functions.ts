import type { FactCollector } from './fact-collector.ts'
import { namesOf } from './names.ts'
import { optionText } from './options.ts'
import type { Message } from './options.ts'

/** A function that a definition makes run later, in statements that do not name it. */
export function notePlanted(found: FactCollector, list: unknown): void {
  const name = namesOf(list)
  if (name !== null) found.call(name, false)
}

/** CREATE FUNCTION and ALTER FUNCTION. */
export function noteFunction(found: FactCollector, type: string, body: Message): void {
  found.kind(type === 'CreateFunctionStmt' ? 'create_function' : 'alter')
  found.looksAtLiterals = true
  // Others run code in the server's own process, with all it may do on its host.
  const language = optionText(body['options'], 'language').toLowerCase()
  if (language !== '' && !confinedLanguages.has(language)) found.flag('server_code')
}

/** Options of foreign tables that name a file or program of the host, and of definitions that name a function. */
export function noteOption(found: FactCollector, body: Message): void {
  const name = String(body['defname'])
  if (name === 'program') found.flag('copy_program')
  if (name === 'filename') found.flag('server_file')
  const { TypeName, List } = (body['arg'] ?? {}) as Record<string, Message | undefined>
  if (functionOption.test(name)) notePlanted(found, TypeName?.['names'] ?? List?.['items'])
}

/** TABLESAMPLE calls a function; PostgreSQL's own two only choose rows. */
export function noteSample(found: FactCollector, method: readonly string[] | null): void {
  if (method === null) return
  found.call(method, method.length === 1 && /^(system|bernoulli)$/.test(method[0] ?? ''))
}

/** Languages whose code may do no more than its statements. */
const confinedLanguages: ReadonlySet<string> = new Set([
  'sql',
  'plpgsql',
  'plperl',
  'pltcl',
  'plv8',
])

/** Of CREATE OPERATOR, AGGREGATE, TYPE and FOREIGN DATA WRAPPER. */
const functionOption =
  /^(function|procedure|restrict|join|input|output|receive|send|typmod_(in|out)|analyze|canonical|subtype_diff|subscript|handler|validator|m?s(inv)?func|m(inv)?func|m?finalfunc|(combine|serial|deserial)func|minvfunc)$/
