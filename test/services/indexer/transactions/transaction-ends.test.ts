import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { transactionEnds } from '../../../../services/indexer/transactions/transaction-ends.ts'
import type { Run, Stretch } from '../../../../services/indexer/transactions/transaction-ends.ts'

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

/** What is told of each, and by which statement, where that is anything. */
function told(
  runs: readonly Run[],
  { isOver = false, ...given }: Partial<Stretch> & { readonly isOver?: boolean } = {},
): Record<string, string> {
  const ends = transactionEnds({
    statements: runs,
    isFirst: true,
    beyond: isOver ? 'ended' : 'nothing_yet',
    ...given,
  })
  return Object.fromEntries(
    [...ends].map(([id, { state, by }]) => [id, by === null ? state : `${state} by ${by}`]),
  )
}

describe('what became of the transaction that a statement ran in', () => {
  test('is told of what lies between BEGIN and its end, and of nothing else', () => {
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
      ran('END'),
      ran('BEGIN'),
      ran('UPDATE 5'),
      ran('ABORT WORK'),
    ]
    assert.deepEqual(told(runs), {
      'INSERT 1': 'rolled_back by ROLLBACK',
      'DELETE 2': 'rolled_back by ROLLBACK',
      'UPDATE 4': 'committed by END',
      'UPDATE 5': 'rolled_back by ABORT WORK',
    })
    assert.deepEqual(told([ran('INSERT 1'), ran('ROLLBACK')]), {})
  })

  test('is that it is open, until it ends or the session does', () => {
    const runs = [ran('BEGIN'), ran('INSERT 1')]
    assert.deepEqual(told(runs), { 'INSERT 1': 'open' })
    assert.deepEqual(told(runs, { isOver: true }), { 'INSERT 1': 'not_committed' })
    assert.deepEqual(told(runs, { beyond: 'more' }), { 'INSERT 1': 'unknown' })
  })

  test('is that it was rolled back where a COMMIT was answered with ROLLBACK', () => {
    const runs = [
      ran('BEGIN'),
      ran('INSERT 1'),
      ran('INSERT 2', null, failed),
      ran('COMMIT', 'ROLLBACK'),
    ]
    assert.deepEqual(told(runs), { 'INSERT 1': 'rolled_back by COMMIT' })
    const blocked = ran('DROP 2', null, { decision: 'block', outcome: 'refused', commandTag: null })
    assert.deepEqual(told([ran('BEGIN'), ran('INSERT 1'), blocked, ran('END', 'ROLLBACK')]), {
      'INSERT 1': 'rolled_back by END',
    })
  })

  test('is that it was rolled back where a COMMIT failed, and not known where its answer was lost', () => {
    const deferred = ran('COMMIT', null, failed)
    assert.deepEqual(told([ran('BEGIN'), ran('INSERT 1'), deferred], { isOver: true }), {
      'INSERT 1': 'rolled_back by COMMIT',
    })
    const lost: readonly Partial<Run>[] = [
      { outcome: 'unknown' },
      { outcome: null },
      { outcome: 'error', errorCode: '57P01' },
    ]
    for (const given of lost) {
      const commit = ran('COMMIT', null, { commandTag: null, ...given })
      assert.deepEqual(told([ran('BEGIN'), ran('INSERT 1'), commit], { isOver: true }), {
        'INSERT 1': 'unknown',
      })
    }
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
    assert.deepEqual(told(chained), {
      'INSERT 1': 'committed by COMMIT AND CHAIN',
      'INSERT 2': 'rolled_back by ROLLBACK AND CHAIN',
      'INSERT 3': 'rolled_back by ROLLBACK AND NO CHAIN',
    })
  })

  test('is not known here where it was prepared', () => {
    const [begin, insert] = [ran('BEGIN'), ran('INSERT 1')]
    const prepare = ran("PREPARE TRANSACTION 'x'", 'PREPARE TRANSACTION')
    assert.deepEqual(told([begin, insert, prepare], { isOver: true }), {
      'INSERT 1': `unknown by ${prepare.requestId}`,
    })
    const refused = ran("PREPARE TRANSACTION 'x'", 'ROLLBACK')
    assert.deepEqual(told([begin, insert, refused]), {
      'INSERT 1': `rolled_back by ${refused.requestId}`,
    })
  })

  test('is told from the next BEGIN or end on, after what cannot be told for certain', () => {
    const unclear = ran('ROLLBACK', null, { commandTag: null, requestId: 'unclear' })
    const runs = [ran('BEGIN'), ran('INSERT 1'), unclear, ran('INSERT 2'), ran('BEGIN')]
    assert.deepEqual(told([...runs, ran('INSERT 3'), ran('ROLLBACK'), ran('INSERT 4')]), {
      'INSERT 1': 'unknown',
      unclear: 'unknown',
      'INSERT 2': 'unknown',
      'INSERT 3': 'rolled_back by ROLLBACK',
    })
    assert.deepEqual(told([ran('INSERT 1'), ran('COMMIT'), ran('INSERT 2')], { isFirst: false }), {
      'INSERT 1': 'unknown',
    })
  })
})

describe('a ROLLBACK TO a savepoint', () => {
  const begin = [ran('BEGIN'), ran('INSERT 1'), ran('SAVEPOINT a'), ran('INSERT 2')]
  const committed = 'committed by COMMIT'

  test('undoes what came after it, and nothing before', () => {
    const back = ran('ROLLBACK TO SAVEPOINT a')
    const undone = `rolled_back by ${back.requestId}`
    assert.deepEqual(told([...begin, back, ran('INSERT 3'), ran('COMMIT')]), {
      'INSERT 1': committed,
      'INSERT 2': undone,
      'INSERT 3': committed,
    })
    const whole = told([...begin, back, ran('INSERT 3'), ran('ROLLBACK')])
    assert.deepEqual(whole, {
      'INSERT 1': 'rolled_back by ROLLBACK',
      'INSERT 2': undone,
      'INSERT 3': 'rolled_back by ROLLBACK',
    })
  })

  test('is to the newest of that name that is not released', () => {
    const again = [...begin, ran('SAVEPOINT a', null, { requestId: 'a again' }), ran('INSERT 3')]
    assert.deepEqual(told([...again, ran('ROLLBACK TO a'), ran('COMMIT')]), {
      'INSERT 1': committed,
      'INSERT 2': committed,
      'INSERT 3': 'rolled_back by ROLLBACK TO a',
    })
    const released = [...again, ran('RELEASE a'), ran('ROLLBACK WORK TO a'), ran('COMMIT')]
    assert.deepEqual(told(released), {
      'INSERT 1': committed,
      'INSERT 2': 'rolled_back by ROLLBACK WORK TO a',
      'INSERT 3': 'rolled_back by ROLLBACK WORK TO a',
    })
  })

  test('to one that was set before what is looked at undoes all of that', () => {
    const runs = [ran('BEGIN'), ran('INSERT 1'), ran('SAVEPOINT b'), ran('ROLLBACK TO a')]
    assert.deepEqual(told([...runs, ran('COMMIT')], { isFirst: false }), {
      'INSERT 1': 'rolled_back by ROLLBACK TO a',
    })
  })

  test('that failed undoes nothing', () => {
    assert.deepEqual(told([...begin, ran('ROLLBACK TO b', null, failed), ran('ROLLBACK TO a')]), {
      'INSERT 1': 'open',
      'INSERT 2': 'rolled_back by ROLLBACK TO a',
    })
  })

  test('leaves it unknown where names cannot be compared, unless all is rolled back', () => {
    for (const back of ['ROLLBACK TO "a"', `ROLLBACK TO ${'a'.repeat(64)}`]) {
      assert.deepEqual(told([...begin, ran(back), ran('INSERT 3'), ran('COMMIT')]), {
        'INSERT 1': 'unknown',
        'INSERT 2': 'unknown',
        'INSERT 3': committed,
      })
      assert.deepEqual(told([...begin, ran(back), ran('ROLLBACK')]), {
        'INSERT 1': 'rolled_back by ROLLBACK',
        'INSERT 2': 'rolled_back by ROLLBACK',
      })
    }
    const quoted = [...begin, ran('SAVEPOINT "a"'), ran('INSERT 3'), ran('ROLLBACK TO a')]
    assert.deepEqual(told([...quoted, ran('COMMIT')]), {
      'INSERT 1': 'unknown',
      'INSERT 2': 'unknown',
      'INSERT 3': 'unknown',
    })
  })
})

describe('several statements in one text', () => {
  test('count where they are told apart for certain', () => {
    const whole = ran(
      "BEGIN; DELETE FROM t WHERE a = 'it''s; ok'; ROLLBACK",
      'BEGIN; DELETE 1; ROLLBACK',
    )
    assert.deepEqual(told([whole]), { [whole.requestId]: `rolled_back by ${whole.requestId}` })
    const opening = ran('BEGIN; INSERT 1')
    const closing = ran('ROLLBACK; INSERT 3')
    assert.deepEqual(told([opening, ran('INSERT 2'), closing]), {
      [opening.requestId]: `rolled_back by ${closing.requestId}`,
      'INSERT 2': `rolled_back by ${closing.requestId}`,
    })
    const uncertain = [
      ran("SELECT E'\\'; ROLLBACK', 1; ROLLBACK TO a", 'SELECT 1; ROLLBACK'),
      ran('ROLLBACK TO a; SELECT $$; ROLLBACK; $$', 'ROLLBACK; SELECT 1'),
      ran('ROLLBACK TO a /* /* */ ; ROLLBACK */', 'ROLLBACK'),
      ran('ROLLBACK', 'ROLLBACK', { statementBytes: 9_000 }),
      ran('ROLLBACK', null, { commandTag: null }),
    ]
    for (const each of uncertain) {
      const ends = told([ran('BEGIN'), ran('INSERT 1'), each], { isOver: true })
      assert.equal(ends['INSERT 1'], 'unknown', each.statement)
    }
  })

  test('are one transaction by themselves, which a ROLLBACK in it undoes', () => {
    const runs = ['INSERT 1; ROLLBACK', 'INSERT 2; INSERT 3', 'INSERT 4; BEGIN; INSERT 5']
    const [undone = '', , opening = ''] = runs
    assert.deepEqual(told([...runs.map((text) => ran(text)), ran('ROLLBACK')]), {
      [undone]: `rolled_back by ${undone}`,
      [opening]: 'rolled_back by ROLLBACK',
    })
  })

  test('that fared differently are not told as one', () => {
    const both = ran('INSERT 1; COMMIT; BEGIN; INSERT 2; ROLLBACK')
    assert.deepEqual(told([both]), { [both.requestId]: 'unknown' })
    const kept = ran('BEGIN; INSERT 1; COMMIT; INSERT 2')
    assert.deepEqual(told([kept]), { [kept.requestId]: `committed by ${kept.requestId}` })
  })
})
