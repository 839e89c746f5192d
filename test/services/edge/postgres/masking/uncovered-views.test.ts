import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'

import { loadGrammar } from '../../../../../services/edge/postgres/facts/grammar.ts'
import type { Grammar } from '../../../../../services/edge/postgres/facts/grammar.ts'
import { UncoveredViews } from '../../../../../services/edge/postgres/masking/uncovered-views.ts'

const people = { schema: 'public', relation: 'people', columns: ['id', 'name', 'born'] }
const adults = { schema: 'public', relation: 'adults', columns: ['id', 'name'] }

describe('columns of views that the classification of tables says nothing about', () => {
  let grammar: Grammar
  before(async () => {
    grammar = await loadGrammar()
  })
  const uncovered = (definition: string, ...columns: readonly string[]): readonly string[] => {
    const view = { schema: 'public', relation: 'v', columns, definition }
    return new UncoveredViews(grammar, [people, adults, view]).columnsOf(view)
  }

  test('what a table or another view has is covered, also by an expression or a subquery', () => {
    const definition =
      "SELECT p.id, upper(p.name) AS n, (SELECT max(a.name) FROM public.adults a) AS most, q.born FROM public.people p, (SELECT born FROM public.people) q WHERE p.name <> 'x';"
    assert.deepEqual(uncovered(definition, 'id', 'n', 'most', 'born'), [])
  })

  test('what comes out of a function of users or of the server’s catalog is not', () => {
    const definition =
      'SELECT p.id, public.f(p.id) AS called, g.email, r.rolname FROM public.people p, public.g() g(email), pg_roles r;'
    assert.deepEqual(uncovered(definition, 'id', 'called', 'email', 'rolname'), [
      'called',
      'email',
      'rolname',
    ])
  })

  test('a count and a constant tell nothing of anybody', () => {
    const definition = "SELECT count(*) AS people, 'x' AS said FROM public.people;"
    assert.deepEqual(uncovered(definition, 'people', 'said'), [])
  })

  test('of a union each branch has to be covered', () => {
    const union = 'SELECT p.name FROM public.people p UNION ALL SELECT g.n FROM public.g() g(n);'
    assert.deepEqual(uncovered(union, 'name'), ['name'])
  })

  test('nothing of a view that is not understood is', () => {
    assert.deepEqual(uncovered('SELECT FROM WHERE', 'a', 'b'), ['a', 'b'])
  })
})
