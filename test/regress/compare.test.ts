import assert from 'node:assert/strict'
import { test } from 'node:test'

import { compareAnswers, differences, withoutChance, withoutWords } from './compare.ts'

test('a line that one side says and the other does not is a difference, and where', () => {
  const direct = 'SELECT 1;\nNOTICE:  a\n1\n(1 row)\n'
  assert.deepEqual(differences(direct, direct), [])
  assert.deepEqual(differences(direct, direct.replace('NOTICE:  a\n', '')), [
    { after: 'SELECT 1;', direct: ['NOTICE:  a'], edge: [] },
  ])
  assert.deepEqual(differences(direct, direct.replace('1\n(', '2\n(')), [
    { after: 'NOTICE:  a', direct: ['1'], edge: ['2'] },
  ])
  assert.deepEqual(differences(direct, `${direct}more`), [
    { after: '(1 row)', direct: [''], edge: ['more'] },
  ])
})

test('outputs that differ everywhere are compared in no time', () => {
  const lines = (word: string): string =>
    Array.from({ length: 50_000 }, (_, n) => `${word} ${n}`).join('\n')
  assert.equal(differences(lines('a'), lines('b'))[0]?.direct[0], 'a 0')
})

test('an answer that is another one through the edge is a difference, but not to a question without a steady one', () => {
  const questions = ['SELECT 1', 'SELECT random()', 'SELECT 2'].map((text) => Buffer.from(text))
  const direct = [
    ['1', '0.1', '2'],
    ['1', '0.2', '2'],
  ] as const
  assert.deepEqual(compareAnswers(questions, { direct, edge: ['1', '0.3', '3'] }), {
    count: 3,
    unsteady: 1,
    differences: [{ after: 'SELECT 2', direct: ['2'], edge: ['3'] }],
  })
})

test('what is chance is no difference: the line in a block of rows, buffers, and ids', () => {
  const output =
    'psql:x.sql:4: NOTICE:  a\npsql:x.sql:6: NOTICE:  b\npsql:x.sql:7: ERROR:  c\n  Buffers: shared hit=3\n' +
    ' relkind | relfrozenxid \n---------+--------------\n r       |        10340\n(1 row)\n'
  assert.equal(
    withoutChance(output, [[3, 6]]),
    'psql:x.sql:6: NOTICE:  a\npsql:x.sql:6: NOTICE:  b\npsql:x.sql:7: ERROR:  c\n  Buffers: …\n' +
      ' relkind | relfrozenxid \n---------+--------------\n r       | …\n(1 row)\n',
  )
})

test('of what is no SQL it counts that it is an error', () => {
  const output = [
    'psql:x.sql:1: ERROR:  missing argument',
    'LINE 1: drop operator === (int4);',
    '                               ^',
    'HINT:  Use NONE.',
    ' 1',
    'psql:x.sql:2: ERROR:  relation "t" does not exist',
    'HINT:  Look.',
  ].join('\n')
  assert.equal(
    withoutWords(`${output}\n`, [1]),
    'psql:x.sql:1: ERROR: \n 1\npsql:x.sql:2: ERROR:  relation "t" does not exist\nHINT:  Look.\n',
  )
})
