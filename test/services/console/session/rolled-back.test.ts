import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { rolledBack } from '../../../../services/console/src/session/rolled-back.ts'

type Run = Parameters<typeof rolledBack>[0][number]

const kindOf: readonly (readonly [RegExp, string])[] = [
  [/^(begin|start)/, 'begin'],
  [/^(commit|end)( prepared)?/, 'commit'],
  [/^(rollback|abort)/, 'rollback'],
  [/^savepoint/, 'savepoint'],
  [/^release/, 'release'],
  [/^prepare transaction/, 'prepare_transaction'],
]

/** A statement that ran, with the tag that PostgreSQL 18 gives it unless another is given. */
function ran(statement: string, commandTag: string | null = null, given: Partial<Run> = {}): Run {
  const pieces = statement.split(';').map((piece) => piece.trim().toLowerCase())
  const kinds = pieces.map(
    (piece) => kindOf.find(([start]) => start.test(piece))?.[1] ?? piece.split(' ')[0] ?? '',
  )
  return {
    requestId: statement,
    operation: [...new Set(kinds)].join(','),
    decision: 'allow',
    outcome: 'ok',
    commandTag: commandTag ?? pieces.map(tagOf).join('; '),
    statement,
    statementBytes: Buffer.byteLength(statement),
    errorCode: null,
    ...given,
  }
}

function tagOf(piece: string): string {
  const [word = ''] = piece.split(' ')
  const tags: Readonly<Record<string, string>> = { end: 'COMMIT', abort: 'ROLLBACK' }
  return tags[word] ?? word.toUpperCase()
}

const failed = { outcome: 'error', errorCode: '23505', commandTag: null } as const

function told(runs: readonly Run[], isOver = false): Record<string, number | null> {
  return Object.fromEntries([...rolledBack(runs, isOver)].map(([id, { by }]) => [id, by]))
}

describe('what ran and was rolled back with its transaction', () => {
  test('is what lies between BEGIN and ROLLBACK, and nothing else', () => {
    const runs = [
      ran('SELECT 0'),
      ran('BEGIN'),
      ran('INSERT 1'),
      ran('SAVEPOINT a'),
      ran('DELETE 2'),
      ran('ROLLBACK'),
      ran('INSERT 3'),
      ran('start transaction', 'START TRANSACTION'),
      ran('UPDATE 4'),
      ran('ABORT WORK'),
    ]
    assert.deepEqual(told(runs), { 'INSERT 1': 6, 'DELETE 2': 6, 'UPDATE 4': 10 })
    assert.deepEqual(told(runs.slice(0, 5)), {})
  })

  test('is nothing where the transaction was committed', () => {
    assert.deepEqual(told([ran('BEGIN'), ran('INSERT 1'), ran('COMMIT')], true), {})
    assert.deepEqual(told([ran('INSERT 1'), ran('ROLLBACK')], true), {})
  })

  test('is what a COMMIT was to keep that the target answered with ROLLBACK', () => {
    const runs = [
      ran('BEGIN'),
      ran('INSERT 1'),
      ran('INSERT 2', null, failed),
      ran('COMMIT', 'ROLLBACK'),
    ]
    assert.deepEqual(told(runs), { 'INSERT 1': 4 })
    const blocked = ran('DROP 2', null, { decision: 'block', outcome: 'refused', commandTag: null })
    assert.deepEqual(told([ran('BEGIN'), ran('INSERT 1'), blocked, ran('END', 'ROLLBACK')]), {
      'INSERT 1': 4,
    })
  })

  test('is what a COMMIT was to keep that failed, unless its answer was lost', () => {
    const deferred = ran('COMMIT', null, failed)
    assert.deepEqual(told([ran('BEGIN'), ran('INSERT 1'), deferred], true), { 'INSERT 1': 3 })
    const lost: readonly Partial<Run>[] = [
      { outcome: 'unknown' },
      { outcome: null },
      { outcome: 'error', errorCode: '57P01' },
    ]
    for (const given of lost) {
      const commit = ran('COMMIT', null, { commandTag: null, ...given })
      assert.deepEqual(told([ran('BEGIN'), ran('INSERT 1'), commit], true), {})
    }
  })

  test('is what was not committed when the session ended, and not before', () => {
    const runs = [ran('BEGIN'), ran('INSERT 1')]
    assert.deepEqual(told(runs, true), { 'INSERT 1': null })
    assert.deepEqual(told(runs, false), {})
  })

  test('says nothing of what a ROLLBACK TO a savepoint undoes', () => {
    const runs = [
      ran('BEGIN'),
      ran('INSERT 1'),
      ran('SAVEPOINT a'),
      ran('INSERT 2'),
      ran('ROLLBACK TO SAVEPOINT a'),
      ran('INSERT 3'),
    ]
    assert.deepEqual(told([...runs, ran('COMMIT')], true), {})
    assert.deepEqual(told([...runs, ran('ROLLBACK')], true), {
      'INSERT 1': 7,
      'INSERT 2': 7,
      'INSERT 3': 7,
    })
    assert.deepEqual(
      told([...runs.slice(0, 4), ran('ROLLBACK /* ; */ WORK TO a'), ran('COMMIT')]),
      {},
    )
  })

  test('follows a chain, and does not take a comment or a name for one', () => {
    const chained = [
      ran('BEGIN'),
      ran('INSERT 1'),
      ran('COMMIT AND CHAIN'),
      ran('INSERT 2'),
      ran('ROLLBACK AND CHAIN'),
      ran('INSERT 3'),
      ran('ROLLBACK AND NO CHAIN'),
      ran('INSERT 4'),
      ran('rollback -- and chain', 'ROLLBACK'),
    ]
    assert.deepEqual(told(chained, true), { 'INSERT 2': 5, 'INSERT 3': 7 })
  })

  test('of a transaction that was prepared nothing is known here', () => {
    const runs = [
      ran('BEGIN'),
      ran('INSERT 1'),
      ran("PREPARE TRANSACTION 'x'", 'PREPARE TRANSACTION'),
    ]
    assert.deepEqual(told(runs, true), {})
    const [begin, insert] = runs
    assert.ok(begin && insert)
    assert.deepEqual(told([begin, insert, ran("PREPARE TRANSACTION 'x'", 'ROLLBACK')]), {
      'INSERT 1': 3,
    })
  })

  test('several statements in one text count where they are told apart for certain', () => {
    const whole = ran(
      "BEGIN; DELETE FROM t WHERE a = 'it''s; ok'; ROLLBACK",
      'BEGIN; DELETE 1; ROLLBACK',
    )
    assert.deepEqual(told([whole]), { [whole.requestId]: 1 })
    const opening = ran('BEGIN; INSERT 1')
    assert.deepEqual(told([opening, ran('INSERT 2'), ran('ROLLBACK; INSERT 3')]), {
      [opening.requestId]: 3,
      'INSERT 2': 3,
    })
    const uncertain = [
      ran("SELECT E'\\'; ROLLBACK', 1; ROLLBACK TO a", 'SELECT 1; ROLLBACK'),
      ran('ROLLBACK TO a; SELECT $$; ROLLBACK; $$', 'ROLLBACK; SELECT 1'),
      ran('ROLLBACK TO a /* /* */ ; ROLLBACK */', 'ROLLBACK'),
      ran('ROLLBACK', 'ROLLBACK', { statementBytes: 9_000 }),
      ran('ROLLBACK', null, { commandTag: null }),
    ]
    for (const each of uncertain) {
      assert.deepEqual(told([ran('BEGIN'), ran('INSERT 1'), each], true), {}, each.statement)
    }
  })

  test('after what cannot be told for certain it is told again from the next end of a transaction', () => {
    const unclear = ran('ROLLBACK', null, { commandTag: null })
    const runs = [ran('BEGIN'), ran('INSERT 1'), unclear, ran('BEGIN'), ran('INSERT 2')]
    const again = [ran('BEGIN'), ran('INSERT 3'), ran('ROLLBACK')]
    assert.deepEqual(told([...runs, ran('ROLLBACK'), ...again]), { 'INSERT 3': 9 })
  })
})
