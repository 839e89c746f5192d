import { Ajv } from 'ajv'
import type { AnySchemaObject, ErrorObject, ValidateFunction } from 'ajv'
import { LineCounter, isMap, isNode, isPair, isScalar, parseDocument } from 'yaml'
import type { Document } from 'yaml'

/** One thing that is wrong in a file, in words for the person who wrote it. Lines and columns count from 1. */
export interface Problem {
  readonly file: string
  readonly line: number
  readonly column: number
  /** Where in the document, like `rules[2].outcome`; empty for the document as a whole. */
  readonly path: string
  readonly message: string
}

type DocumentPath = readonly (string | number)[]

/** A value that fits its schema, and still knows its text. */
export interface Located<T> {
  readonly value: T
  /** A problem at the value of this path, or at the nearest parent that is written. */
  readonly at: (path: DocumentPath, message: string) => Problem
}

export type ParsedDocument<T> =
  | ({ readonly ok: true } & Located<T>)
  | {
      readonly ok: false
      readonly problems: readonly Problem[]
      /** What was read, where it is YAML at all: for checks of those parts that fit their schema. */
      readonly document: Located<unknown> | null
    }

/** Compiles a JSON Schema so that it reports every problem, with what `parseYamlDocument` needs to say what was expected. */
export function compileSchema<T>(schema: AnySchemaObject): ValidateFunction<T> {
  return new Ajv({ allErrors: true, verbose: true, allowUnionTypes: true }).compile<T>(schema)
}

/** Reads a YAML document that a JSON Schema describes. All problems are reported at once, in the order of the text. */
export function parseYamlDocument<T>(
  text: string,
  fileName: string,
  validator: ValidateFunction<T>,
): ParsedDocument<T> {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const problemAt = (offset: number, path: DocumentPath, message: string): Problem => ({
    file: fileName,
    ...positionAt(lines, offset),
    path: formatPath(path),
    message,
  })
  const faults = [...document.errors, ...document.warnings].map((fault) =>
    problemAt(fault.pos[0], [], oneLine(fault.message)),
  )
  if (faults.length > 0) return { ok: false, problems: faults, document: null }

  const at = (path: DocumentPath, message: string): Problem =>
    problemAt(offsetOf(document, path), path, message)
  let value: unknown
  try {
    value = document.toJS({ maxAliasCount: 50 })
  } catch (error) {
    const message = oneLine(error instanceof Error ? error.message : 'cannot be read')
    return { ok: false, problems: [at([], message)], document: null }
  }
  if (validator(value)) return { ok: true, value, at }
  const problems = (validator.errors ?? [])
    // `if` only says that its `then` or `else` failed, which has reported what is wrong.
    .filter((error) => error.keyword !== 'if')
    .map((error) => at(pathOf(error, value), messageOf(error)))
  return { ok: false, problems: inOrder(problems), document: { value, at } }
}

/** `policy.yaml:12:5 rules[2].outcome: expected one of allow, block` */
export function formatProblem(problem: Problem): string {
  const where = `${problem.file}:${problem.line}:${problem.column}`
  return `${where} ${problem.path === '' ? '' : `${problem.path}: `}${problem.message}`
}

function formatPath(path: DocumentPath): string {
  let text = ''
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`
    else if (!/^[A-Za-z_][\w-]*$/.test(step)) text += `[${JSON.stringify(step)}]`
    else text += text === '' ? step : `.${step}`
  }
  return text
}

/** Sorts problems by place and drops repetitions of the same one. */
export function inOrder(problems: readonly Problem[]): readonly Problem[] {
  const distinct = new Map(problems.map((problem) => [formatProblem(problem), problem]))
  return [...distinct.values()].sort((a, b) => a.line - b.line || a.column - b.column)
}

/** Includes the property an error is about, where the schema reports it at the map that has or lacks it. */
function pathOf(error: ErrorObject, document: unknown): DocumentPath {
  const parent = stepsOf(error.instancePath, document)
  const params = error.params as Record<string, unknown>
  const name = params['missingProperty'] ?? params['additionalProperty'] ?? params['propertyName']
  return typeof name === 'string' ? [...parent, name] : parent
}

function messageOf(error: ErrorObject): string {
  const params = error.params as Record<string, unknown>
  const schema = (error.parentSchema ?? {}) as Record<string, unknown>
  switch (error.keyword) {
    case 'required':
      return missingMessage(schema, String(params['missingProperty']))
    case 'additionalProperties':
      return `unknown property; expected one of ${Object.keys(schema['properties'] ?? {}).join(', ')}`
    case 'enum':
      return `expected one of ${(params['allowedValues'] as unknown[]).join(', ')}${found(error.data)}`
    case 'const':
      return `expected ${JSON.stringify(params['allowedValue'])}${found(error.data)}`
    case 'type':
      return `expected ${typeNames(params['type'])}${found(error.data)}`
    case 'pattern':
      return `expected text that matches ${String(params['pattern'])}${found(error.data)}${hint(schema)}`
    case 'minLength':
      return 'expected a text that is not empty'
    case 'minItems':
      return `expected at least ${counted(Number(params['limit']), 'item')}`
    case 'minProperties':
      return `expected at least ${counted(Number(params['limit']), 'property', 'properties')}`
    case 'uniqueItems':
      return `expected each item once; items ${String(params['j'])} and ${String(params['i'])} are the same`
    case 'minimum':
    case 'maximum':
    case 'exclusiveMinimum':
    case 'exclusiveMaximum':
      return `expected a number ${String(params['comparison'])} ${String(params['limit'])}${found(error.data)}`
    default:
      return `expected something else: it ${error.message ?? 'is not valid'}`
  }
}

function missingMessage(schema: Record<string, unknown>, name: string): string {
  const properties = (schema['properties'] ?? {}) as Record<string, Record<string, unknown>>
  return `is required but missing${hint(properties[name] ?? {})}`
}

function hint(schema: Record<string, unknown>): string {
  const description = schema['description']
  return typeof description === 'string' ? ` (${description.replace(/\.$/, '')})` : ''
}

function found(data: unknown): string {
  if (data === null || data === undefined) return ', found nothing'
  if (Array.isArray(data)) return ', found a list'
  if (typeof data === 'object') return ', found a map'
  const text = JSON.stringify(data)
  return text.length > 60 ? '' : `, found ${text}`
}

function typeNames(type: unknown): string {
  const names: Record<string, string> = {
    string: 'a text',
    array: 'a list',
    object: 'a map',
    integer: 'a whole number',
    number: 'a number',
    boolean: 'true or false',
    null: 'nothing',
  }
  const types = Array.isArray(type) ? (type as unknown[]) : String(type).split(',')
  return types.map((name) => names[String(name)] ?? String(name)).join(' or ')
}

function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`
}

/** A JSON pointer as steps; a step is a number only where the document has a list. */
function stepsOf(pointer: string, document: unknown): (string | number)[] {
  const steps: (string | number)[] = []
  let here = document
  for (const raw of pointer.split('/').slice(1)) {
    const name = raw.replaceAll('~1', '/').replaceAll('~0', '~')
    const step = Array.isArray(here) ? Number(name) : name
    steps.push(step)
    here = (here as Record<string | number, unknown> | null | undefined)?.[step]
  }
  return steps
}

function offsetOf(document: Document, path: DocumentPath): number {
  let offset = isNode(document.contents) ? (document.contents.range?.[0] ?? 0) : 0
  for (let length = 1; length <= path.length; length += 1) {
    const step = path[length - 1]
    const parent =
      length === 1 ? document.contents : document.getIn(path.slice(0, length - 1), true)
    const node = document.getIn(path.slice(0, length), true)
    const key = isMap(parent)
      ? parent.items.find((item) => isPair(item) && isScalar(item.key) && item.key.value === step)
          ?.key
      : undefined
    // A key is where a reader looks for a named value; a list's item has only itself.
    const start = isScalar(key) ? key.range?.[0] : isNode(node) ? node.range?.[0] : undefined
    if (start === undefined) break
    offset = start
  }
  return offset
}

function positionAt(lines: LineCounter, offset: number): { line: number; column: number } {
  const { line, col } = lines.linePos(offset)
  // A text without any character has no line yet.
  return { line: Math.max(line, 1), column: Math.max(col, 1) }
}

function oneLine(message: string): string {
  return message.split('\n', 1)[0] ?? message
}
