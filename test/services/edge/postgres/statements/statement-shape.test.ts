import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as fc from 'fast-check'

import { loadGrammar } from '../../../../../services/edge/postgres/facts/grammar.ts'
import { shapeOf } from '../../../../support/shape-of.ts'

const grammar = await loadGrammar()

/** The syntax tree without the values of constants and without positions; null for what is no SQL. */
function treeOf(text: string): unknown {
  const parsed = grammar.parse(text)
  return parsed.ok ? withoutValues(parsed.statements) : null
}

function withoutValues(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(withoutValues)
  if (typeof node !== 'object' || node === null) return node
  const kept = Object.entries(node).filter(
    ([key]) => !/^(location|stmt_len|stmt_location|.*_location)$/.test(key),
  )
  return Object.fromEntries(
    kept.map(([key, value]) => [key, key === 'A_Const' ? 'constant' : withoutValues(value)]),
  )
}

const literals = ['1', '23', '4.5', '0', "''", "'a'", "'x y'", 'é'] as const
const marks = '. \' " \\ - -- / * /* */ + || = ( ) , ; $ $1 $$ & _ ::text'.split(' ')
const words = [' ', '\n', 'e', 'E', 'U', 'b', 'x', 'a', 'a1'].concat(
  ['SELECT', 'FROM t', 'WHERE', 'OR', 'AND', 'UNION', 'interval'].map((word) => `${word} `),
)

test('plain literals are taken out, and nothing else', () => {
  const shapes = [
    ['SELECT a FROM t WHERE id = 12345;', 'SELECT a FROM t WHERE id = 0;'],
    ["SELECT 'it''s', a1, 1.5 FROM t2", "SELECT '', a1, 0 FROM t2"],
    ["SELECT interval '1 day'", "SELECT interval ''"],
    ['SELECT 3-1', 'SELECT 0-0'],
  ] as const
  for (const [text, shape] of shapes) assert.equal(shapeOf(text), shape)
})

test('a text whose literals are not plain has no shape', () => {
  for (const text of [
    "SELECT E'a'",
    "SELECT U&'a'",
    "SELECT b'1'",
    "SELECT 'a\\'",
    'SELECT "a" WHERE 1 = 1',
    'SELECT $$a$$, 1',
    'SELECT $1, 1',
    'SELECT 1 -- x',
    'SELECT 1 /* x */',
    'SELECT 1e5',
    'SELECT 12abc',
    'SELECT 1_000',
    'SELECT 0x1f',
    'SELECT 1..2',
    "SELECT 1'a'",
    "SELECT 'é'",
    "SELECT 'open",
    'SELECT a FROM t',
  ]) {
    assert.equal(shapeOf(text), null, text)
  }
})

test('two texts of one shape have one syntax tree but for the values of constants', () => {
  const token = fc.constantFrom(...literals, ...marks, ...words)
  const text = fc.array(token, { maxLength: 14 }).map((tokens) => `SELECT ${tokens.join('')}`)
  let compared = 0
  fc.assert(
    fc.property(text, (text) => {
      const shape = shapeOf(text)
      const tree = shape === null ? null : treeOf(text)
      if (shape === null || tree === null) return
      compared++
      assert.deepEqual(treeOf(shape), tree, `${text} -> ${shape}`)
    }),
    { numRuns: 20_000 },
  )
  assert.ok(compared > 200, `only ${compared} texts were comparable`)
})
