import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Couplings, definitions } from '../../../../../services/edge/postgres/masking/couplings.ts'
import type { Coupling } from '../../../../../services/edge/postgres/masking/couplings.ts'

test('what a view looks at is reached by reading it, what a foreign key changes by writing only', () => {
  const { reach } = reaching([aCoupling(1, 9, { isOnRead: true }), aCoupling(2, 9)])
  assert.deepEqual([reach(1, 'read'), reach(1, 'write')], ['values', 'values'])
  assert.deepEqual([reach(2, 'read'), reach(2, 'write')], ['none', 'values'])
})

test('code of users is reached through others, also where they lead back', () => {
  const { reach } = reaching([
    aCoupling(1, 2),
    aCoupling(2, 1),
    aCoupling(2, 3),
    aCoupling(3, null),
  ])
  assert.equal(reach(1, 'write'), 'code')
  assert.equal(reach(1, 'read'), 'none')
  assert.equal(reaching([aCoupling(1, 2), aCoupling(2, 1)]).reach(1, 'write'), 'none')
})

test('a rule answers something else where it leads to what is masked or to code', () => {
  const isRule = true
  const couplings = reaching([
    aCoupling(1, 1, { isRule }),
    aCoupling(2, 9, { isRule }),
    aCoupling(9, 9, { isRule }),
    aCoupling(3, 9),
  ])
  assert.deepEqual(
    [1, 2, 9, 3].map((each) => couplings.answersElse(each)),
    [false, true, true, false],
  )
})

test('event triggers run with what defines something, and any code with what may be about anything', () => {
  const none = new Couplings([aCoupling(1, 9)], () => false)
  const some = new Couplings([aCoupling(definitions, null)], () => false)
  assert.deepEqual([none.ofKinds(['create']), none.ofAny()], ['none', 'none'])
  assert.deepEqual([some.ofKinds(['select', 'grant']), some.ofAny()], ['code', 'code'])
  assert.equal(some.ofKinds(['select', 'insert', 'commit']), 'none')
})

/** Where 9 has masked columns. */
function reaching(couplings: readonly Coupling[]) {
  const all = new Couplings(couplings, (relation) => relation === 9)
  return {
    reach: (relation: number, access: 'read' | 'write') => all.reach(relation, access),
    answersElse: (relation: number) => all.answersElse(relation),
  }
}

function aCoupling(
  relation: number,
  other: number | null,
  is: Partial<Pick<Coupling, 'isOnRead' | 'isRule'>> = {},
): Coupling {
  return { relation, other, isOnRead: false, isRule: false, ...is }
}
