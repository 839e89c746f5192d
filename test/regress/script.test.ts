import assert from 'node:assert/strict'
import { test } from 'node:test'

import { errorLines, rowBlocks, withDataFromClient, withoutStatements } from './script.ts'
import type { Answered } from './side.ts'

function anAnswer(text: string, message = 'no'): Answered {
  return { text, message, sqlState: '42501', rules: 'builtin/x' }
}

test('a table that the server would load from a file is loaded by the client', () => {
  const script = [
    `\\set filename :abs_srcdir '/data/onek.data'`,
    `COPY onek FROM :'filename';`,
    `copy onek TO :'filename';`,
    `\\set filename :abs_builddir '/results/onek.data'`,
    `COPY onek FROM :'filename';`,
  ]
  const changed = [...script]
  changed[1] = `\\copy onek FROM '/suite/data/onek.data'`
  assert.deepEqual(withDataFromClient(script.join('\n'), '/suite').split('\n'), changed)
})

test('a refused statement is taken out where it stands, and every line keeps its number', () => {
  const script = 'SELECT 1; SET ROLE a; SELECT 2;\nSET\n  ROLE b; SELECT 3;\nSET ROLE a;'
  const output = [1, 3].map((line) => `psql:x.sql:${line}: ERROR:  no\n`).join('')
  const refused = [anAnswer('SET ROLE a;'), anAnswer('SET\n  ROLE b;')]
  assert.equal(
    withoutStatements(script, 'x', output, refused),
    'SELECT 1;  SELECT 2;\n SELECT 3;\n\nSET ROLE a;',
  )
})

test('with a COPY go its rows, with a command of psql its line, with \\gset that', () => {
  const script = 'COPY t FROM stdin;\n1\n\\.\nSELECT 1;\n\\d t\nSELECT f() \\gset\nSELECT 2;'
  const output = [1, 5, 6].map((line) => `psql:x.sql:${line}: ERROR:  no\n`).join('')
  const refused = [
    anAnswer('COPY t FROM stdin;'),
    anAnswer('SELECT\n of psql itself'),
    anAnswer('SELECT f() '),
  ]
  assert.equal(withoutStatements(script, 'x', output, refused), '\n\n\nSELECT 1;\n\n\nSELECT 2;')
})

test('of statements that psql puts together only their question stays', () => {
  const script = `SELECT 'SET ROLE a' \\gexec`
  const output = 'psql:x.sql:1: ERROR:  no\n'
  assert.equal(
    withoutStatements(script, 'x', output, [anAnswer('SET ROLE a')]),
    `SELECT 'SET ROLE a' \\g`,
  )
})

test('answers are found in their order, at every VERBOSITY, and one that is not there is no answer', () => {
  const output = [
    'psql:x.sql:1: ERROR:  no',
    'psql:other.sql:1: ERROR:  no',
    'psql:x.sql:2: ERROR:  relation "t" does not exist',
    'psql:x.sql:3: ERROR:  42501',
    'psql:x.sql:4: ERROR:  42501: no',
    'psql:x.sql:5: ERROR:  no at character 7',
  ].join('\n')
  const answers = Array.from({ length: 4 }, () => anAnswer('SELECT 1;'))
  assert.deepEqual(errorLines('x', output, answers), [1, 3, 4, 5])
  assert.throws(() => errorLines('x', output, [...answers, anAnswer('SELECT 2;')]), /SELECT 2/)
})

test('a block of rows begins at its COPY', () => {
  const script = 'SELECT 1;\nCOPY t FROM stdin;\n1\n2\n\\.\n\\copy t from stdin\n\\.\n'
  assert.deepEqual(rowBlocks(script), [
    [2, 5],
    [6, 7],
  ])
})
