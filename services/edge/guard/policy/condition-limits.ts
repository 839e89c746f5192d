import { EvaluationError } from '@marcbachmann/cel-js'
import type { ASTNode } from '@marcbachmann/cel-js'
import { celChildren, celNodes } from './cel-nodes.ts'
import { conditionEnvironment } from './condition-values.ts'

/**
 * What is wrong with an expression besides its types; null when nothing is. Two things are held here. Its time is bounded: no
 * regular expressions, nothing that makes a value longer each time it is used, comprehensions few, at most two deep, and only
 * over lists that are bounded themselves. And what is written out is right: a time, a duration or a time zone that can never have a
 * value is a mistake, not an unknown fact.
 */
export function conditionLimit(ast: ASTNode): string | null {
  return tooDeep(ast, 0) ?? tooMany(ast) ?? firstOf(ast, unavailable) ?? firstOf(ast, withoutValue)
}

function firstOf(ast: ASTNode, look: (node: ASTNode) => string | null): string | null {
  for (const node of celNodes(ast)) {
    const message = look(node)
    if (message !== null) return `${message} (character ${node.start + 1})`
  }
  return null
}

const comprehensions: ReadonlySet<string> = new Set(['exists', 'all', 'exists_one', 'filter'])
const deepestComprehension = 2
const mostComprehensions = 8

function tooDeep(node: ASTNode, depth: number): string | null {
  const isOne = isComprehension(node)
  if (isOne && depth === deepestComprehension) {
    return `exists, all, exists_one and filter stand at most ${deepestComprehension} deep in each other (character ${node.start + 1})`
  }
  for (const child of celChildren(node)) {
    const found = tooDeep(child, isOne ? depth + 1 : depth)
    if (found !== null) return found
  }
  return null
}

function tooMany(ast: ASTNode): string | null {
  const count = [...celNodes(ast)].filter(isComprehension).length
  return count <= mostComprehensions
    ? null
    : `there are ${count} of exists, all, exists_one and filter; at most ${mostComprehensions} stand in one condition`
}

function isComprehension(node: ASTNode): boolean {
  return node.op === 'rcall' && comprehensions.has(node.args[0])
}

const functions: ReadonlySet<string> = new Set([
  'size',
  'timestamp',
  'duration',
  'int',
  'double',
  'string',
])

const methods: ReadonlySet<string> = new Set([
  ...comprehensions,
  'size',
  'contains',
  'startsWith',
  'endsWith',
  'lowerAscii',
  'upperAscii',
  'getFullYear',
  'getMonth',
  'getDate',
  'getDayOfMonth',
  'getDayOfWeek',
  'getDayOfYear',
  'getHours',
  'getMinutes',
  'getSeconds',
])

function unavailable(node: ASTNode): string | null {
  if (node.op === 'call' && !functions.has(node.args[0])) {
    return `${node.args[0]}() cannot be used in conditions; there are ${[...functions].join(', ')}`
  }
  if (node.op !== 'rcall') return null
  const [name, receiver] = node.args
  if (name === 'matches') {
    return 'matches() cannot be used in conditions, since its time has no bound; use startsWith, endsWith or contains'
  }
  if (!methods.has(name)) {
    return `.${name}() cannot be used in conditions; there are ${[...methods].join(', ')}`
  }
  if (comprehensions.has(name) && !isBoundedList(receiver)) {
    return `.${name}() takes a variable, a field, a list that is written out, or what filter leaves of one`
  }
  return null
}

function isBoundedList(node: ASTNode): boolean {
  if (node.op === 'rcall') return node.args[0] === 'filter'
  return node.op === 'id' || node.op === '.' || node.op === 'list'
}

const zoned = /^get/

/** Calls whose arguments are all written out are worked out once, here. */
function withoutValue(node: ASTNode): string | null {
  const isMade =
    node.op === 'call' &&
    (node.args[0] === 'timestamp' || node.args[0] === 'duration') &&
    node.args[1].every(({ op }) => op === 'value')
  if (isMade) {
    try {
      conditionEnvironment.evaluate(textOf(node))
    } catch (error) {
      return error instanceof EvaluationError ? error.summary : `${textOf(node)} has no value`
    }
  }
  if (node.op !== 'rcall' || !zoned.test(node.args[0])) return null
  const [zone] = node.args[2]
  if (zone?.op !== 'value' || typeof zone.args !== 'string') return null
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone.args }).format(0)
    return null
  } catch {
    return `there is no time zone ${zone.args}`
  }
}

function textOf(node: ASTNode): string {
  return node.input.slice(node.range.start, node.range.end)
}
